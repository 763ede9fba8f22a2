package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// monitors are the processes that stay with a container in the background: ours, and
// containerd's shim.
func (b *bench) monitors() ([]contender, func() error, error) {
	all := []contender{{name: ours, once: func() (float64, error) {
		return pssWhile(b.tinydocker, func(_ string, words []string) bool {
			return len(words) > 1 && words[0] == "tinydocker" && words[1] == "monitor"
		})
	}}}
	if b.docker != nil {
		all = append(all, contender{name: "docker", once: func() (float64, error) {
			return pssWhile(b.docker.client, func(id string, words []string) bool {
				return strings.Contains(words[0], "containerd-shim") && slices.Contains(words, id)
			})
		}})
	}
	return all, nothing, nil
}

// pssWhile returns the proportional set size, in kB, of the process that is there while
// a container runs in the background (proc_pid_smaps(5)).
func pssWhile(program func(...string) *exec.Cmd, is func(id string, words []string) bool) (size float64, err error) {
	id, err := printed(program("run", "-d", "--name", "idle", "--network", "none", "base", "sleep", "1h"))
	if err != nil {
		return 0, err
	}
	defer func() {
		if failed := do(program("rm", "-f", "idle")); err == nil {
			err = failed
		}
	}()
	<-time.After(2 * time.Second) // it is about one that has come to rest
	found, err := processesThat(func(words []string) bool { return is(id, words) })
	if err != nil {
		return 0, err
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%d processes are with the container, and not one", len(found))
	}
	return pss(found[0])
}

func processesThat(is func(words []string) bool) ([]string, error) {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, folder := range folders {
		words, err := os.ReadFile(filepath.Join(folder, "cmdline"))
		if err == nil && is(strings.Split(strings.TrimRight(string(words), "\x00"), "\x00")) { // else it has just ended
			found = append(found, folder)
		}
	}
	return found, nil
}

func pss(folder string) (float64, error) {
	content, err := os.ReadFile(filepath.Join(folder, "smaps_rollup"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(content)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "Pss:" {
			return strconv.ParseFloat(fields[1], 64)
		}
	}
	return 0, fmt.Errorf("%s/smaps_rollup has no Pss", folder)
}
