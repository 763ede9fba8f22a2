package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/final/cgroup"
	"mytinydocker/final/network"
	"mytinydocker/final/storage"
	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// driverVariable has tinydocker, and with it all that is tested, take another driver
// than the usual one.
const driverVariable = "TINYDOCKER_STORAGE_DRIVER"

// host is a machine of its own for one test: state roots with nothing in them.
type host struct {
	t         *testing.T
	root, run string
	driver    string // of the roots of containers
}

func newHost(t *testing.T) *host {
	t.Helper()
	testbed.Require(t, testbed.Root, testbed.Union, testbed.BaseImage)
	driver, err := storage.Choose(os.Getenv(driverVariable))
	require.NoError(t, err)
	state := testbed.StateRoot(t)
	h := &host{t: t, root: filepath.Join(state, "lib"), run: filepath.Join(state, "run"), driver: driver.Name()}
	_, err = foreign()
	require.NoError(t, err)
	before := emptyCgroups(t)
	t.Cleanup(func() {
		testbed.Eventually(t, "no cgroup to be left", func() bool { return len(without(emptyCgroups(t), before)) == 0 })
	})
	t.Cleanup(h.resetNetworks)
	return h
}

// emptyCgroups are those of containers, of any host, in which nobody lives: as good as
// left, unless somebody is just about to move in or out.
func emptyCgroups(t *testing.T) []string {
	t.Helper()
	empty, err := cgroup.Empty("tinydocker", 0)
	require.NoError(t, err)
	return empty
}

// foreign are the cgroups that somebody has left on this machine before the first test.
// No namespace keeps them from being found.
var foreign = sync.OnceValues(func() ([]string, error) { return cgroup.Empty("tinydocker", 0) })

// checked has the host checked, and returns what is found that is not foreign.
func (h *host) checked(flags ...string) testbed.Result {
	h.t.Helper()
	others, err := foreign()
	require.NoError(h.t, err)
	result := h.tinydocker(append([]string{"system", "check"}, flags...)...)
	if result.Stdout == "" {
		return result
	}
	result.Stdout = strings.Join(slices.DeleteFunc(strings.SplitAfter(result.Stdout, "\n"), func(line string) bool {
		return slices.ContainsFunc(others, func(id string) bool { return strings.Contains(line, "the cgroup of the container "+id[:12]) })
	}), "")
	if result.Stdout == "" {
		result.Code = 0
	}
	return result
}

// requireSound checks that nothing is wrong with the host.
func (h *host) requireSound() {
	h.t.Helper()
	result := h.checked()
	require.Zero(h.t, result.Code, result.Stderr+result.Stdout)
	require.Empty(h.t, result.Stderr+result.Stdout)
}

func without(all, some []string) []string {
	return slices.DeleteFunc(all, func(one string) bool { return slices.Contains(some, one) })
}

// resetNetworks removes the network that is always there, too, which outlives all
// containers.
func (h *host) resetNetworks() {
	networks, err := network.Open(network.Options{Root: h.root, Run: h.run})
	require.NoError(h.t, err)
	require.NoError(h.t, networks.Reset())
}

// command is a tinydocker command line on this host.
func (h *host) command(args ...string) testbed.Command {
	h.t.Helper()
	return testbed.Command{
		Path: testbed.Build(h.t, "."),
		Args: args,
		Env: append(os.Environ(),
			"TINYDOCKER_ROOT="+h.root, "TINYDOCKER_RUN="+h.run, "SECRET_MARKER=1", "LD_PRELOAD=", "TERM=xterm-256color"),
	}
}

func (h *host) tinydocker(args ...string) testbed.Result {
	h.t.Helper()
	return h.command(args...).Run(h.t)
}

// base runs command in a container of the built-in image that is removed
// afterwards.
func (h *host) base(command ...string) testbed.Result {
	h.t.Helper()
	return h.tinydocker(append([]string{"run", "--rm", "base"}, command...)...)
}

// containers returns the folders of containers, of those that are kept and of
// those that run.
func (h *host) containers() []string {
	h.t.Helper()
	var all []string
	for _, pattern := range []string{h.root + "/containers/*", h.root + "/names/*", h.run + "/containers/*"} {
		found, err := filepath.Glob(pattern)
		require.NoError(h.t, err)
		all = append(all, found...)
	}
	return all
}

// requireNothingLeft checks that no container has left anything in the state
// roots. Leaks elsewhere are found by the audit at the end of the suite.
func (h *host) requireNothingLeft() {
	h.t.Helper()
	require.Empty(h.t, h.containers())
}

func requireOneLine(t *testing.T, text string) {
	t.Helper()
	require.Equal(t, 1, strings.Count(text, "\n"), "want one line: %q", text)
	require.True(t, strings.HasPrefix(text, "tinydocker: "), "want the name of the tool first: %q", text)
}

func statOf(t *testing.T, path string) *syscall.Stat_t {
	t.Helper()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	return info.Sys().(*syscall.Stat_t)
}
