package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// stat returns the fields of /proc/PID/stat from the third, the state, on, or
// nil where there is no such process. The second field may itself hold spaces
// and parentheses, so the fields count from the last `)` (proc_pid_stat(5)).
func stat(t *testing.T, pid int) []string {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) { // it ended before or after the file was opened
		return nil
	}
	require.NoError(t, err)
	return strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
}

// alive reports whether pid names a process that is not a zombie.
func alive(t *testing.T, pid int) bool {
	t.Helper()
	fields := stat(t, pid)
	return fields != nil && fields[0] != "Z"
}

// childrenOf returns the process ids of the living children of pid.
func childrenOf(t *testing.T, pid int) []int {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	var children []int
	for _, folder := range folders {
		child, err := strconv.Atoi(filepath.Base(folder))
		require.NoError(t, err)
		if fields := stat(t, child); fields != nil && fields[0] != "Z" && fields[1] == strconv.Itoa(pid) {
			children = append(children, child)
		}
	}
	return children
}
