package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// execute gives up our privileges and becomes the container's program.
func execute(process *specs.Process, conn *net.UnixConn) error {
	self, err := os.Stat("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("look at our own program: %w", err)
	}
	if err := dropPrivileges(process); err != nil {
		return err
	}
	if err := stayWithParent(conn); err != nil {
		return err
	}
	unix.Umask(0o022)
	if err := enterFolder(process.Cwd); err != nil {
		return err
	}
	path, err := lookPath(process.Args[0], process.Env)
	if err != nil {
		return err
	}
	if program, err := os.Stat(path); err == nil && os.SameFile(program, self) {
		return failed(StatusNotExecutable, "%q: is tinydocker itself and stays on the host", process.Args[0])
	}
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("mark the open files close-on-exec: %w", err)
	}
	return notExecuted(process.Args[0], syscall.Exec(path, process.Args, process.Env))
}

// stayWithParent has the kernel kill us when our parent dies. It was so from the
// start, but becoming another user clears it (prctl(2), PR_SET_PDEATHSIG); a
// parent that died in between has closed its socket.
func stayWithParent(conn *net.UnixConn) error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("follow our parent: %w", err)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("follow our parent: %w", err)
	}
	var hungUp bool
	err = raw.Control(func(descriptor uintptr) {
		poll := []unix.PollFd{{Fd: int32(descriptor)}}
		count, pollErr := unix.Poll(poll, 0)
		hungUp = pollErr == nil && count == 1 && poll[0].Revents&unix.POLLHUP != 0
	})
	if err != nil {
		return fmt.Errorf("follow our parent: %w", err)
	}
	if hungUp {
		return errParentGone
	}
	return nil
}

// enterFolder makes path the working folder. A path through an open file of
// /proc can lead to a folder outside of the root, which the kernel then calls
// unreachable (getcwd(2)); Go's own Getwd would not tell.
func enterFolder(path string) error {
	if err := unix.Chdir(path); err != nil {
		return fmt.Errorf("enter the working folder %q: %w", path, err)
	}
	buffer := make([]byte, unix.PathMax)
	length, err := unix.Getcwd(buffer)
	if err != nil || length == 0 || buffer[0] != '/' {
		return fmt.Errorf("enter the working folder %q: it is outside of the container", path)
	}
	return nil
}

// lookPath finds a program as execvp(3) does: a name without a slash is looked
// for in the folders of the PATH in env.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	refused := error(nil)
	for _, folder := range filepath.SplitList(pathOf(env)) {
		path := filepath.Join("/", folder, name)
		info, err := os.Stat(path)
		if name == "" || err != nil || info.IsDir() {
			continue
		}
		if err := unix.Access(path, unix.X_OK); err == nil {
			return path, nil
		}
		refused = failed(StatusNotExecutable, "%q: permission denied", path)
	}
	if refused != nil {
		return "", refused
	}
	return "", failed(StatusNotFound, "%q: command not found in the container's PATH", name)
}

func pathOf(env []string) string {
	path := ""
	for _, variable := range env {
		if value, ok := strings.CutPrefix(variable, "PATH="); ok {
			path = value
		}
	}
	return path
}

func notExecuted(name string, err error) error {
	info, statErr := os.Stat(name)
	switch {
	case statErr == nil && info.IsDir():
		return failed(StatusNotExecutable, "%q: is a folder", name)
	case errors.Is(err, fs.ErrNotExist) && statErr == nil:
		return failed(StatusNotFound, "%q: its interpreter does not exist in the container", name)
	case errors.Is(err, fs.ErrNotExist):
		return failed(StatusNotFound, "%q: no such file in the container", name)
	default:
		return failed(StatusNotExecutable, "%q: %v", name, err)
	}
}
