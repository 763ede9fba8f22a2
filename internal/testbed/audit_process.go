package testbed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// processes lists what descends from the tests: from this process, or, if its
// parent has died, from the supervisor.
func processes() ([]string, error) {
	reapChildren()
	parents, err := parentsOfAll()
	if err != nil {
		return nil, err
	}
	var things []string
	for pid := range parents {
		if pid == os.Getpid() || !descends(pid, os.Getppid(), parents) {
			continue
		}
		// It may end while we look, and is then no leak; one that has ended
		// and is about to be reaped has no command line any more.
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && len(command) > 0 {
			words := strings.Split(strings.TrimSuffix(string(command), "\x00"), "\x00")
			things = append(things, fmt.Sprintf("%d %q (see: ps -fp %d)", pid, words, pid))
		}
	}
	return things, nil
}

// reapChildren reaps our dead children. It must not be called while a test waits
// for a program of its own.
func reapChildren() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || pid == 0 {
			return
		}
	}
}

// parentsOfAll returns the parent of each process.
func parentsOfAll() (map[int]int, error) {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	parents := make(map[int]int)
	for _, folder := range folders {
		content, err := os.ReadFile(filepath.Join(folder, "stat"))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it has just ended
		}
		if err != nil {
			return nil, err
		}
		// The name in parentheses may hold anything; the state and the
		// parent follow it (proc_pid_stat(5)).
		fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
		parent, err := strconv.Atoi(fields[1])
		if err != nil {
			return nil, err
		}
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			return nil, err
		}
		parents[pid] = parent
	}
	return parents, nil
}

func descends(pid, ancestor int, parents map[int]int) bool {
	for pid = parents[pid]; pid > 1; pid = parents[pid] {
		if pid == ancestor {
			return true
		}
	}
	return false
}
