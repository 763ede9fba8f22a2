package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/final/runtime"
)

// The kernel is the witness of what a container does: of what lives in its cgroup.

// livingIn returns the processes in the cgroup of a container, those of ours that are
// about to become its program among them.
func livingIn(id string) (pids []int) {
	for _, pid := range processes() {
		cgroups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		if err != nil || !bytes.Contains(cgroups, []byte("/tinydocker/"+id)) {
			continue
		}
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid)) // the pattern is valid
		if slices.ContainsFunc(threads, hasNotEnded) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// hasNotEnded reports whether a thread lives: it does not when it has ended and nobody has
// waited for it yet.
func hasNotEnded(folder string) bool {
	status, err := os.ReadFile(folder + "/status")
	return err == nil && !bytes.Contains(status, []byte("\nState:\tZ")) && !bytes.Contains(status, []byte("\nState:\tX"))
}

func processes() (pids []int) {
	folders, _ := filepath.Glob("/proc/[0-9]*") // the pattern is valid
	for _, folder := range folders {
		if pid, err := strconv.Atoi(filepath.Base(folder)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// firstIn returns that of the processes which is PID 1 of a container, or 0.
func firstIn(pids []int) int {
	for _, pid := range pids {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err == nil && bytes.Contains(status, []byte("\nNSpid:")) {
			_, rest, _ := strings.Cut(string(status), "\nNSpid:")
			line, _, _ := strings.Cut(rest, "\n")
			if numbers := strings.Fields(line); len(numbers) > 1 && numbers[len(numbers)-1] == "1" {
				return pid
			}
		}
	}
	return 0
}

// programsIn returns those of the processes that are not ours: before its program runs, a
// container has an init that waits to hear of it, and does not run.
func programsIn(pids []int) (programs []int) {
	for _, pid := range pids {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		words := strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
		if _, ours := runtime.Roles[words[len(words)-1]]; err == nil && len(line) > 0 && !ours {
			programs = append(programs, pid)
		}
	}
	return programs
}

// listed is a container as ps -a lists it.
type listed struct{ id, name, status string }

func (l listed) up() bool { return strings.HasPrefix(l.status, "Up ") }

// list is what ps -a says, which never fails.
func (h *host) list() (all []listed, complaint string) {
	result := h.tinydocker("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.Status}}")
	if result.Code != 0 || result.Stderr != "" {
		return nil, fmt.Sprintf("ps -a ends with %d: %s", result.Code, result.Stderr)
	}
	for line := range strings.Lines(result.Stdout) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(words) != 3 {
			return nil, fmt.Sprintf("ps -a prints %q", line)
		}
		all = append(all, listed{words[0], words[1], words[2]})
	}
	return all, ""
}

// life is what lives in a container, and which of that are its programs now: what is our
// init may become one at any moment.
type life struct {
	all, programs []int
	recorded      string // of its first process, from when that is in its cgroup
}

func (h *host) lifeIn(id string) life {
	recorded, _ := os.ReadFile(filepath.Join(h.run, "containers", id, "state.json")) // there may be none
	all := livingIn(id)
	return life{all, programsIn(all), string(recorded)}
}

// lieOf compares what ps says of a container with what lived in it before and after
// that was said, and returns what is not true, or "".
func (l listed) lieOf(before, after life) string {
	// A life that has begun and ended meanwhile only ps has seen.
	oneLife := before.recorded != "" && before.recorded == after.recorded
	if l.up() && oneLife && len(before.all) == 0 && len(after.all) == 0 {
		return fmt.Sprintf("ps says %q of %s, in which nothing lives", l.status, l.name)
	}
	for _, pid := range before.programs {
		if !l.up() && slices.Contains(after.programs, pid) {
			return fmt.Sprintf("ps says %q of %s, in which process %d lives", l.status, l.name, pid)
		}
	}
	return ""
}

// idOf returns the id of the container with a name, or "".
func (h *host) idOf(name string) string {
	id, err := os.ReadFile(filepath.Join(h.root, "names", name))
	if err != nil {
		return ""
	}
	return string(id)
}

// watcherOf returns the process of the monitor of a container, or 0 if it has none.
func (h *host) watcherOf(id string) int {
	content, err := os.ReadFile(filepath.Join(h.run, "containers", id, "lock"))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(content))
	if err != nil {
		return 0
	}
	return pid
}

// killIf kills a process, if its command line ends so, and reports whether it has.
func killIf(pid int, last string) bool {
	if pid <= 1 {
		return false
	}
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer unix.Close(handle)
	words, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && bytes.HasSuffix(words, []byte(last)) && unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0) == nil
}

// files lists all that there is below the state roots but the files of layers.
func (h *host) files(t *testing.T) (all []string) {
	t.Helper()
	for _, root := range []string{h.root, h.run} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			all = append(all, strings.TrimPrefix(path, filepath.Dir(root)))
			if entry.IsDir() && filepath.Base(filepath.Dir(path)) == "sha256" && strings.HasPrefix(path, h.root+"/layers/") {
				return filepath.SkipDir
			}
			return nil
		})
		require.NoError(t, err)
	}
	slices.Sort(all)
	return all
}
