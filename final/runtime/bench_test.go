package runtime

import (
	"io"
	goruntime "runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkExec is a program in a running container, from the request to its exit
// status.
func BenchmarkExec(b *testing.B) {
	container := startSleeper(b, nil)
	process := shell("")
	process.Args = []string{"true"}
	for b.Loop() {
		started, err := Exec(process, container.options())
		require.NoError(b, err)
		_, _ = io.Copy(io.Discard, started.Stdout)
		_, err = started.Wait()
		require.NoError(b, err)
	}
}

// BenchmarkStart is a container from a folder, with all namespaces but the network's.
func BenchmarkStart(b *testing.B) {
	goruntime.LockOSThread()
	spec := specOf(newRoot(b), "")
	spec.Process.Args = []string{"true"}
	for b.Loop() {
		started, err := Start(spec, Options{})
		require.NoError(b, err)
		_, _ = io.Copy(io.Discard, started.Stdout)
		_, err = started.Wait()
		require.NoError(b, err)
	}
}
