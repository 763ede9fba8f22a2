package testbed

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// Go is the Go tool, to be run as whoever built this test binary: under
// `go test -exec sudo` root has no caches, and must not write into the user's.
func Go(arguments ...string) *exec.Cmd {
	uid, gid := builder()
	return goAs(uid, gid, arguments...)
}

// builder returns the owner of this test binary.
func builder() (uid, gid uint32) {
	info, err := os.Stat("/proc/self/exe")
	if err != nil {
		return uint32(os.Geteuid()), uint32(os.Getegid())
	}
	status := info.Sys().(*syscall.Stat_t)
	return status.Uid, status.Gid
}

func goAs(uid, gid uint32, arguments ...string) *exec.Cmd {
	command := exec.Command("go", arguments...)
	somebodyElse := os.Geteuid() == 0 && uid != 0
	if somebodyElse {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	}
	// sudo and services may leave no HOME either, and Go finds its caches there.
	if somebodyElse || os.Getenv("HOME") == "" {
		if account, err := user.LookupId(strconv.Itoa(int(uid))); err == nil { // else Go says what it misses
			command.Env = append(os.Environ(), "HOME="+account.HomeDir)
		}
	}
	return command
}
