package runtime

import (
	"io"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// lockThread keeps the test on its thread, which ends with it: a thread that has
// left its namespaces is not to be used again.
func lockThread(t testing.TB) {
	t.Helper()
	goruntime.LockOSThread()
}

func cut(option string) (kind, value string, ok bool) { return strings.Cut(option, "=") }

// everything returns all that a program prints, and waits for its end.
func everything(t *testing.T, container *Container) string {
	t.Helper()
	errors := make(chan string)
	go func() { content, _ := io.ReadAll(container.Stderr); errors <- string(content) }()
	content, err := io.ReadAll(container.Stdout)
	require.NoError(t, err)
	output := string(content) + <-errors
	_, err = container.Wait()
	require.NoError(t, err)
	return output
}
