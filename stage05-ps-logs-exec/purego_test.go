package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// outputIn runs a program of a container without a line of C. One thread leaves the
// others: it no longer has the root and the working directory in common with them,
// and so may join a mount namespace; and a pidfd stands for all the namespaces of its
// process (setns(2), Linux 5.8). The program is started from it directly: our own is
// not to be found in the container. Nobody must use that thread afterwards.
func outputIn(container int, command ...string) (string, error) {
	runtime.LockOSThread() // and never unlock: the runtime ends it with this goroutine
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return "", err
	}
	const all = unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWNS
	if err := unix.Setns(container, all); err != nil {
		return "", err
	}
	var output bytes.Buffer
	program := exec.Command(command[0], command[1:]...)
	program.Env, program.Stdout = []string{"PATH=/bin"}, &output
	err := program.Run()
	return output.String(), err
}

func TestGoCanJoinWithoutC(t *testing.T) {
	name := detached(t, []string{"--hostname", "inside"}, "sleep", "1000")
	record, err := loadRecord(rootOf(t), name)
	require.NoError(t, err)
	container, err := record.open()
	require.NoError(t, err)
	defer container.Close()
	before, err := os.Readlink("/proc/self/ns/mnt")
	require.NoError(t, err)

	var output string
	done := make(chan struct{})
	go func() {
		defer close(done)
		output, err = outputIn(int(container.Fd()), "/bin/sh", "-c", "hostname; readlink /proc/1/exe; test $$ -gt 1")
	}()
	<-done
	if errors.Is(err, unix.EINVAL) {
		t.Skip("requires Linux 5.8, which takes a pidfd for all namespaces of its process")
	}

	require.NoError(t, err)
	require.Equal(t, "inside\n/bin/box\n", output)
	after, err := os.Readlink("/proc/self/ns/mnt")
	require.NoError(t, err)
	require.Equal(t, before, after, "the other threads are where they were")
}
