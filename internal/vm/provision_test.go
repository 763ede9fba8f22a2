package vm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// The first thing that Vagrant's VM is asked for is AUFS. Here nothing is left to the
// machine: what the script starts is ours.
func TestProvisioningWithoutAUFSIsOneClearLine(t *testing.T) {
	folder := t.TempDir()
	for name, script := range map[string]string{
		"uname": "echo 5.15.0-generic", "modprobe": "exit 1", "apt-get": "exit 100", "grep": "exit 1",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
	bash, err := lookPath("bash")
	require.NoError(t, err)

	result := testbed.Command{Path: bash, Args: []string{"../../vagrant/provision.sh", "/nonexistent"}, Env: []string{"PATH=" + folder}}.Run(t)

	require.Equal(t, 1, result.Code)
	require.Empty(t, result.Stdout)
	require.Equal(t, 1, strings.Count(result.Stderr, "\n"), result.Stderr)
	require.Contains(t, result.Stderr, "provision: the kernel 5.15.0-generic has no AUFS")
}
