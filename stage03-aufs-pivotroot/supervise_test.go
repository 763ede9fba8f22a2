package main

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// Init goes on when it is told what to run, so whom we cannot limit we tell nothing.
// It is cat here, which would say what it is told.
func TestInitIsLimitedBeforeItIsTold(t *testing.T) {
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer reader.Close()
	var told bytes.Buffer
	waiting := exec.Command("cat")
	waiting.Stdin, waiting.Stdout = reader, &told
	require.NoError(t, waiting.Start())
	nowhere := &Cgroup{folders: []string{t.TempDir()}}

	err = supervise(waiting, nowhere, writer, Message{Command: []string{"true"}})

	require.ErrorIs(t, err, os.ErrNotExist)
	require.Empty(t, told.String())
}
