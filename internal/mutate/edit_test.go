package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestEditsOfOneFileAddUp(t *testing.T) {
	folder := testbed.StateRoot(t)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a"), []byte("one two"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "b"), []byte("three"), 0o600))

	files, err := edited(folder, []Edit{{"a", "one", "1"}, {"b", "three", "3"}, {"a", "two", "2"}})

	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "1 2", "b": "3"}, files)
	_, err = edited(folder, []Edit{{"a", "one", "1"}, {"a", "one", "1"}})
	require.ErrorContains(t, err, "0 times")
}
