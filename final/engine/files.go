package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"mytinydocker/final/storage"
)

// writeFile makes a file that nobody looks at yet.
func writeFile(path, content string, mode os.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	return errors.Join(err, file.Close())
}

// replaceFile gives the file path, of mode 0600, another content as a whole:
// whoever reads it finds the old one or the new one. A durable one is on disk
// when replaceFile returns, and its name is, too; without that, a file survives
// the death of every process and not that of the machine. Of one file there is
// one writer at a time.
func replaceFile(path string, content []byte, durable bool) (err error) {
	temporary := path + ".new"
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil && durable {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	if durable {
		return syncFolder(filepath.Dir(path))
	}
	return nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

func ownerOf(info os.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }
func groupOf(info os.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Gid) }

// maxImageFile is how much of a file of an image is read, in bytes.
const maxImageFile = 1 << 20

// readInView reads a file of an image, as its container would see it, or else an
// empty one. It is somebody else's: no link leads out of the layers, and what might
// never end is an error.
func readInView(view storage.View, name string) ([]byte, error) {
	content, err := view.ReadFile(name, maxImageFile)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil
	}
	return content, err
}

// readBelow reads a file whose name is resolved as if root were the root folder.
func readBelow(root *os.File, name string) ([]byte, error) {
	// Without O_NONBLOCK, opening a pipe waits for somebody to write to it.
	descriptor, err := unix.Openat2(int(root.Fd()), name, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(descriptor), name)
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxImageFile {
		return nil, fmt.Errorf("it is no file of at most %d bytes", maxImageFile)
	}
	return io.ReadAll(io.LimitReader(file, maxImageFile))
}

// openOrdinary opens an ordinary file of ours to read. Anything else that somebody
// has put in its place is an error, and not waited for.
func openOrdinary(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no ordinary file", path)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// isFull reports whether an error means that there is no room on a disk.
func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// ignoreMissing makes nothing of a file that somebody else has just removed.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
