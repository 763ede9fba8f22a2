package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestMessageTravelsAsData(t *testing.T) {
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer reader.Close()
	long := strings.Repeat("x", 100_000) // more than a pipe holds, or a read from it returns
	sent := Message{Hostname: "tiny", Command: []string{"printf", "a b", "", `"quoted"`, "line\nbreak", long}}

	go func() {
		defer writer.Close()
		_ = sendMessage(writer, sent)
	}()
	received, err := receiveMessage(reader)

	require.NoError(t, err)
	require.Equal(t, sent, received)
}

func TestUnfinishedMessageIsRefused(t *testing.T) {
	for name, content := range map[string]string{
		"nothing":    "",
		"half":       `{"Hostname":"tiny","Command":["tou`,
		"no command": `{"Hostname":"tiny"}`,
		"not JSON":   "touch /tmp/x",
	} {
		t.Run(name, func(t *testing.T) {
			reader, writer, err := os.Pipe()
			require.NoError(t, err)
			defer reader.Close()
			_, err = io.WriteString(writer, content)
			require.NoError(t, err)
			require.NoError(t, writer.Close())

			_, err = receiveMessage(reader)

			require.Error(t, err)
		})
	}
}

// The parent may die between starting init and telling it what to run. The
// kernel then closes its end of the pipe, and init must run nothing.
func TestPipeClosedEarlyRunsNothing(t *testing.T) {
	testbed.Require(t, testbed.Root)
	marker := filepath.Join(t.TempDir(), "marker")

	for name, content := range map[string]string{
		"nothing": "",
		"half":    `{"Command":["touch","` + marker + `"]`,
	} {
		t.Run(name, func(t *testing.T) {
			output, code := runInit(t, content, syscall.CLONE_NEWPID|syscall.CLONE_NEWNS)

			require.Equal(t, 125, code, output)
			requireOneLine(t, output)
			require.NoFileExists(t, marker)
		})
	}
}

func TestInitIsNotForUsers(t *testing.T) {
	testbed.Require(t, testbed.Root)
	marker := filepath.Join(t.TempDir(), "marker")

	output, code := runInit(t, `{"Command":["touch","`+marker+`"]}`, 0)

	require.Equal(t, 125, code, output)
	requireOneLine(t, output)
	require.NoFileExists(t, marker)
}

// runInit starts the hidden init command in new namespaces with content in its
// pipe, and returns what it printed and its exit status.
func runInit(t *testing.T, content string, namespaces uintptr) (output string, code int) {
	t.Helper()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer reader.Close()
	_, err = io.WriteString(writer, content)
	require.NoError(t, err)
	require.NoError(t, writer.Close())

	init := exec.Command(testbed.Build(t, "."), "init")
	init.ExtraFiles = []*os.File{reader}
	init.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	printed, err := init.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil {
		require.ErrorAs(t, err, &exit)
	}
	return string(printed), init.ProcessState.ExitCode()
}
