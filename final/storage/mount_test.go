package storage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// eachMount runs a test for every driver that the kernel has; for one that it does
// not have, the test is skipped.
func eachMount(t *testing.T, test func(t *testing.T, driver Driver)) {
	t.Helper()
	has := map[string]testbed.Requirement{"overlay": testbed.Overlay, "aufs": testbed.AUFS}
	for _, driver := range drivers {
		t.Run(driver.Name(), func(t *testing.T) {
			testbed.Require(t, testbed.Root, has[driver.Name()])
			test(t, driver)
		})
	}
}

// mount mounts the driver's union of layers, from the top down, for the length of a
// test. What is written to merged is in upper.
func mount(t *testing.T, driver Driver, lower ...string) (upper, merged string) {
	t.Helper()
	state := t.TempDir()
	upper, merged = filepath.Join(state, "upper"), filepath.Join(state, "merged")
	for _, name := range []string{"upper", "work", "merged"} {
		require.NoError(t, os.Mkdir(filepath.Join(state, name), 0o755))
	}
	asked, err := driver.Mount(lower, upper, filepath.Join(state, "work"))
	require.NoError(t, err)
	require.NoError(t, unix.Mount(asked.Source, merged, asked.Type, 0, asData(asked.Options)))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(merged, 0)) })
	return upper, merged
}

// asData writes the options of a driver's mount as mount(2) takes them: all branches
// in one.
func asData(options []string) string {
	branches := make(map[string][]string)
	var rest []string
	for _, option := range options {
		if name, path, ok := strings.Cut(option, "+="); ok {
			branches[name] = append(branches[name], path)
		} else {
			rest = append(rest, option)
		}
	}
	for name, paths := range branches {
		rest = append(rest, name+"="+strings.Join(paths, ":"))
	}
	return strings.Join(rest, ",")
}

func read(t *testing.T, elements ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(elements...))
	require.NoError(t, err)
	return string(content)
}
