package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

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
	t.Cleanup(h.resetNetworks)
	return h
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
