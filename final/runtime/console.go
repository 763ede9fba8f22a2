package runtime

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// openConsole makes a terminal in the container's own /dev/pts, hands its master
// to our parent, and makes its other side our controlling terminal and our standard
// files.
//
// The terminal of whoever called us never enters the container: a program that
// has a terminal can put characters into its input (TIOCSTI), to be read by
// whoever reads there next.
func openConsole(process *specs.Process, conn *net.UnixConn) error {
	master, err := openMaster()
	if err != nil {
		return fmt.Errorf("open a terminal: %w", err)
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return fmt.Errorf("unlock the terminal: %w", err)
	}
	if size := process.ConsoleSize; size != nil {
		window := &unix.Winsize{Row: uint16(size.Height), Col: uint16(size.Width)}
		if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, window); err != nil {
			return fmt.Errorf("set the size of the terminal: %w", err)
		}
	}
	slave, err := peerOf(master)
	if err != nil {
		return fmt.Errorf("open the other side of the terminal: %w", err)
	}
	if err := useTerminal(slave, process.User); err != nil {
		return err
	}
	return sendConsole(conn, master)
}

// openMaster makes a terminal. It makes sure that /dev/pts is a devpts, in which
// only the kernel makes files, whatever the container has done to it.
func openMaster() (*os.File, error) {
	master, err := os.OpenFile("/dev/pts/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	var system unix.Statfs_t
	if err := unix.Fstatfs(int(master.Fd()), &system); err != nil {
		master.Close()
		return nil, err
	}
	if system.Type != unix.DEVPTS_SUPER_MAGIC {
		master.Close()
		return nil, errors.New("/dev/pts is no file system of terminals")
	}
	return master, nil
}

// peerOf opens the other side of a terminal by way of its master, and not by a
// name that might be another file's (ioctl_tty(2)).
func peerOf(master *os.File) (int, error) {
	slave, _, errno := unix.Syscall(unix.SYS_IOCTL, master.Fd(), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return 0, errno
	}
	return int(slave), nil
}

// useTerminal makes the terminal ours, and closes the descriptor slave.
func useTerminal(slave int, user specs.User) error {
	if err := unix.Fchown(slave, int(user.UID), -1); err != nil {
		return fmt.Errorf("give the terminal to user %d: %w", user.UID, err)
	}
	if err := unix.IoctlSetInt(slave, unix.TIOCSCTTY, 0); err != nil {
		return fmt.Errorf("make the terminal the controlling one: %w", err)
	}
	for standard := range 3 {
		if err := unix.Dup3(slave, standard, 0); err != nil {
			return fmt.Errorf("make the terminal file descriptor %d: %w", standard, err)
		}
	}
	if err := unix.Close(slave); err != nil {
		return fmt.Errorf("close the terminal: %w", err)
	}
	return nil
}

// mountConsole makes our terminal the container's /dev/console.
func mountConsole(log explain.Log) error {
	log.Run(explain.Beyond, "touch", "/dev/console")
	log.Run(explain.Beyond, "mount", "--bind", "/dev/pts/0", "/dev/console")
	console, err := os.OpenFile("/dev/console", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o620)
	if err != nil {
		return fmt.Errorf("make /dev/console: %w", err)
	}
	console.Close()
	if err := unix.Mount("/proc/self/fd/0", "/dev/console", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount the terminal on /dev/console: %w", err)
	}
	return nil
}
