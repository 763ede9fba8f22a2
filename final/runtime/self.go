package runtime

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// openSelf opens this program such that nobody can write to it by way of the
// file. Init runs from there: while it does, /proc/1/exe leads to it, and a
// container that could write to our program would choose what root runs on the
// host next time (CVE-2019-5736).
func openSelf() (*os.File, error) {
	self, err := readOnlyMount("/proc/self/exe")
	if errors.Is(err, unix.EINVAL) {
		// Our program lies in another mount namespace than we are in.
		self, err = sealedCopy("/proc/self/exe")
	}
	if err != nil {
		return nil, fmt.Errorf("protect our own program: %w", err)
	}
	return self, nil
}

// readOnlyMount opens the file at path by way of a read-only mount of its own,
// which is attached nowhere. To make that writable takes CAP_SYS_ADMIN, which
// containers do not have.
func readOnlyMount(path string) (*os.File, error) {
	tree, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(tree)
	if err := restrict(tree, unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, true); err != nil {
		return nil, err
	}
	return raise(tree)
}

// sealedCopy copies the file at path into memory and seals it: it then cannot
// change any more, whatever one is allowed to (memfd_create(2)).
func sealedCopy(path string) (*os.File, error) {
	source, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	descriptor, err := unix.MemfdCreate("tinydocker", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, err
	}
	memory := os.NewFile(uintptr(descriptor), "a copy of our own program")
	defer memory.Close()
	if _, err := io.Copy(memory, source); err != nil {
		return nil, err
	}
	seals := unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(memory.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		return nil, err
	}
	return raise(descriptor)
}

// raise duplicates a file descriptor to a number that none of a child's files
// gets, so that the child finds it until it has executed it.
func raise(descriptor int) (*os.File, error) {
	high, err := unix.FcntlInt(uintptr(descriptor), unix.F_DUPFD_CLOEXEC, 10)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(high), "our own program"), nil
}

func pathOfFile(file *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", file.Fd()) }
