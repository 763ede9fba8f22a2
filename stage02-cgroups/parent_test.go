package main

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the kernel and os/exec are told, in the words in which they are told. What becomes
// of it in a container, other tests see.
func TestInitIsStartedAsItMustBe(t *testing.T) {
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer reader.Close()
	defer writer.Close()

	parent := NewParentProcess(Options{}, reader)

	require.Equal(t, []string{"/proc/self/exe", "init"}, parent.Args)
	attributes := parent.SysProcAttr
	require.NotNil(t, attributes, "SysProcAttr has what only Linux knows")
	for name, flag := range map[string]uintptr{
		"CLONE_NEWUTS": syscall.CLONE_NEWUTS, "CLONE_NEWPID": syscall.CLONE_NEWPID, "CLONE_NEWNS": syscall.CLONE_NEWNS,
		"CLONE_NEWNET": syscall.CLONE_NEWNET, "CLONE_NEWIPC": syscall.CLONE_NEWIPC,
	} {
		require.NotZero(t, attributes.Cloneflags&flag, "%s is not among the Cloneflags", name)
	}
	require.Equal(t, syscall.SIGKILL, attributes.Pdeathsig, "Pdeathsig: it dies with us")
	require.True(t, attributes.Setpgid, "Setpgid: it is a process group of its own")
	require.ElementsMatch(t, []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}, parent.Env, "Env")
	require.Len(t, parent.ExtraFiles, 1, "ExtraFiles: the pipe, and nothing else")
	require.Same(t, reader, parent.ExtraFiles[0], "ExtraFiles: the pipe, which becomes file descriptor 3")
	require.Same(t, os.Stdout, parent.Stdout, "Stdout is not ours")
	require.Same(t, os.Stderr, parent.Stderr, "Stderr is not ours")
	require.Nil(t, parent.Stdin, "Stdin: without -i it reads /dev/null")

	parent = NewParentProcess(Options{Interactive: true}, reader)

	require.Same(t, os.Stdin, parent.Stdin, "Stdin: with -i it is ours")
}
