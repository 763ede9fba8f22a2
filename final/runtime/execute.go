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

	"mytinydocker/final/explain"
)

// execute gives up our privileges and becomes the container's program.
func execute(request *request, conn *net.UnixConn, log explain.Log) error {
	process := request.Spec.Process
	if err := setLimits(process.Rlimits, log); err != nil {
		return err
	}
	setUmask(process.User, log)
	log.Run(explain.Namespaces, "cd", process.Cwd)
	logProgram(process, request.Filter != nil, log)
	if err := dropPrivileges(process, request.Filter != nil); err != nil {
		return err
	}
	if err := stayWithParent(conn); err != nil {
		return err
	}
	if err := enterFolder(process.Cwd); err != nil {
		return err
	}
	path, err := lookPath(process.Args[0], process.Env)
	if err != nil {
		return err
	}
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("mark the open files close-on-exec: %w", err)
	}
	report()
	if err := setFilter(process, request.Filter); err != nil {
		return err
	}
	return notExecuted(path, syscall.Exec(path, process.Args, process.Env))
}

func setUmask(user specs.User, log explain.Log) {
	umask := 0o022
	if user.Umask != nil {
		umask = int(*user.Umask)
	}
	log.Run(explain.Beyond, "umask", fmt.Sprintf("%04o", umask))
	unix.Umask(umask)
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

// openInside opens a path of the container, but not by way of the links in /proc
// (openat2(2), RESOLVE_NO_MAGICLINKS): those lead to what init itself has open,
// its own program and perhaps more of the host.
func openInside(path string, flags uint64) (int, error) {
	for {
		descriptor, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS})
		if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) {
			return descriptor, err
		}
	}
}

// enterFolder makes path the working folder. If the kernel still finds that to be
// outside of the root, it says that it is unreachable (getcwd(2)); Go's own Getwd
// would not tell.
func enterFolder(path string) error {
	folder, err := openInside(path, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return fmt.Errorf("enter the working folder %q: %w", path, err)
	}
	defer unix.Close(folder)
	if err := unix.Fchdir(folder); err != nil {
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
		return name, executable(name)
	}
	missing := failed(StatusNotFound, "%q: command not found in the container's PATH", name)
	if name == "" {
		return "", missing
	}
	for _, folder := range filepath.SplitList(pathOf(env)) {
		path := filepath.Join("/", folder, name)
		err := executable(path)
		if err == nil {
			return path, nil
		}
		if info, statErr := os.Stat(path); statErr == nil && !info.IsDir() {
			missing = err
		}
	}
	return "", missing
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

// executable returns nil for a file that we may execute, and otherwise why not.
func executable(path string) error {
	program, err := openInside(path, unix.O_PATH)
	if errors.Is(err, unix.ELOOP) {
		return failed(StatusNotExecutable, "%q: is what init itself has open, and no file of the container", path)
	}
	if err != nil {
		return notExecuted(path, err)
	}
	defer unix.Close(program)
	var stat unix.Stat_t
	if err := unix.Fstat(program, &stat); err != nil {
		return notExecuted(path, err)
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		return failed(StatusNotExecutable, "%q: is a folder", path)
	default:
		return failed(StatusNotExecutable, "%q: is no ordinary file", path)
	}
	if err := unix.Faccessat(program, "", unix.X_OK, unix.AT_EMPTY_PATH); err != nil {
		return notExecuted(path, err)
	}
	return nil
}

// notExecuted tells the errors of execve(2) apart, as a shell does.
func notExecuted(path string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) {
		return failed(StatusNotExecutable, "%q: %v", path, err)
	}
	if _, statErr := os.Stat(path); statErr == nil {
		return failed(StatusNotFound, "%q: its interpreter does not exist in the container", path)
	}
	return failed(StatusNotFound, "%q: no such file in the container", path)
}
