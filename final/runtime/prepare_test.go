package runtime

import (
	"io"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"mytinydocker/final/cgroup"
	"mytinydocker/internal/testbed"
)

// prepareInit prepares an init, and has it go on for as long as the test.
func prepareInit(t *testing.T) (prepared *Prepared, pid int) {
	t.Helper()
	testbed.Require(t, testbed.Root)
	if cgroup.Unified() {
		t.Skip("nothing is prepared where a process can be born in its cgroup")
	}
	goruntime.LockOSThread()
	t.Cleanup(goruntime.UnlockOSThread)
	prepared, err := Prepare(Options{}, false)
	require.NoError(t, err)
	t.Cleanup(prepared.Close)
	return prepared, prepared.container.Pid()
}

func usualSpec(t *testing.T, command string) *specs.Spec {
	t.Helper()
	spec := specOf(newRoot(t), command)
	spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.NetworkNamespace})
	return spec
}

func outputOf(t *testing.T, container *Container) string {
	t.Helper()
	go io.Copy(io.Discard, container.Stderr)
	printed, err := io.ReadAll(container.Stdout)
	require.NoError(t, err)
	status, err := container.Wait()
	require.NoError(t, err)
	require.Zero(t, status)
	return string(printed)
}

func TestPreparedProcessBecomesTheContainerThatItFits(t *testing.T) {
	spec := usualSpec(t, "echo $$")
	prepared, pid := prepareInit(t)

	container, err := Start(spec, Options{Prepared: prepared})

	require.NoError(t, err)
	require.Equal(t, pid, container.Pid())
	require.Equal(t, "1\n", outputOf(t, container))
}

func TestPreparedProcessThatDoesNotFitEnds(t *testing.T) {
	for name, change := range map[string]func(*specs.Spec, *Options){
		"another standard input": func(_ *specs.Spec, options *Options) { options.Stdin = true },
		"a reaper":               func(_ *specs.Spec, options *Options) { options.Init = true },
		"fewer namespaces": func(spec *specs.Spec, _ *Options) {
			spec.Linux.Namespaces = spec.Linux.Namespaces[:4]
		},
		"a namespace of another": func(spec *specs.Spec, _ *Options) {
			spec.Linux.Namespaces[4].Path = "/proc/" + strconv.Itoa(os.Getpid()) + "/ns/net"
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec := usualSpec(t, "echo done")
			prepared, pid := prepareInit(t)
			options := Options{Prepared: prepared}
			change(spec, &options)

			container, err := Start(spec, options)

			require.NoError(t, err)
			require.NotEqual(t, pid, container.Pid())
			require.NoDirExists(t, filepath.Join("/proc", strconv.Itoa(pid)))
			require.Equal(t, "done\n", outputOf(t, container))
		})
	}
}

func TestPreparedProcessThatNobodyTakesEnds(t *testing.T) {
	prepared, pid := prepareInit(t)

	prepared.Close()
	prepared.Close() // as often as one likes

	require.NoDirExists(t, filepath.Join("/proc", strconv.Itoa(pid)))
	(*Prepared)(nil).Close()
}
