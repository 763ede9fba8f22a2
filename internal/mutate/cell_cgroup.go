package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

var leftBehind = regexp.MustCompile(`left behind: cgroup: (/\S+)`)

// removeCgroups removes the cgroups that a suite says it has left, with those in them.
// When a cell has ended there is nobody in them any more, or will be in a moment.
func removeCgroups(output string) {
	for _, found := range leftBehind.FindAllStringSubmatch(output, -1) {
		if !strings.Contains(found[1], "/tinydocker") {
			continue
		}
		deadline := time.Now().Add(10 * time.Second)
		for !removeCgroup(found[1]) && time.Now().Before(deadline) {
			<-time.After(50 * time.Millisecond)
		}
	}
}

// removeCgroup removes a cgroup and those in it, and reports whether it is gone.
func removeCgroup(path string) bool {
	entries, _ := os.ReadDir(path) // it may have gone
	for _, entry := range entries {
		if entry.IsDir() {
			removeCgroup(filepath.Join(path, entry.Name()))
		}
	}
	_ = os.Remove(path) // it may not be empty yet
	_, err := os.Lstat(path)
	return errors.Is(err, os.ErrNotExist)
}
