package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is asked for is looked at before anything is measured: that takes ten minutes.
func TestWhatIsAskedForIsRefusedAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bench")
	require.NoError(t, os.WriteFile(file, nil, 0o755))
	for message, arguments := range map[string][]string{
		"mkdir " + file + ": not a directory":    {"-o", file, "tinydocker", "base.tar"},
		"open " + file + "/F: not a directory":   {"-o", t.TempDir(), "-document", file + "/F", "tinydocker", "base.tar"},
		"missing closing )":                      {"-o", t.TempDir(), "-rows", "(", "tinydocker", "base.tar"},
		"usage: bench ":                          {"-o", t.TempDir(), "tinydocker"},
		"so many samples cannot be taken: 0":     {"-o", t.TempDir(), "-samples", "0", "tinydocker", "base.tar"},
		"flag provided but not defined: -sample": {"-sample", "3", "tinydocker", "base.tar"},
	} {
		_, err := parse(arguments)
		require.ErrorContains(t, err, message, arguments)
	}
}

// The program itself is bin/bench.
func TestFiguresHaveAFolderOfTheirOwn(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll("bin", 0o755))
	require.NoError(t, os.WriteFile("bin/bench", nil, 0o755))

	asked, err := parse([]string{"tinydocker", "base.tar"})

	require.NoError(t, err)
	require.Equal(t, "bin/benchmarks", asked.folder)
	require.DirExists(t, asked.folder)
	require.Equal(t, 21, asked.samples)
}
