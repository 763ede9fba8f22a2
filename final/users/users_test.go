package users

import (
	"os"
	"path/filepath"
	goruntime "runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func TestNumbersInsideAndOutside(t *testing.T) {
	own := Range{First: 1000000, Count: 65536}
	for inside, outside := range map[int]int{0: 1000000, 7: 1000007, 65535: 1065535} {
		found, err := own.Outside(inside)
		require.NoError(t, err)
		require.Equal(t, outside, found)
		require.Equal(t, inside, own.Inside(outside))
	}
	for _, stranger := range []int{0, 999999, 1065536} {
		require.Equal(t, Nobody, own.Inside(stranger))
	}
	_, err := own.Outside(65536)
	require.ErrorContains(t, err, "no user or group 65536")
}

func TestWithoutOwnUsersNumbersStay(t *testing.T) {
	var host Range
	require.False(t, host.Own())
	require.Equal(t, 100000, host.Inside(100000))
	outside, err := host.Outside(100000)
	require.NoError(t, err)
	require.Equal(t, 100000, outside)
}

func TestWhoActsMakesFilesOfTheContainersRootAndReadsAll(t *testing.T) {
	testbed.Require(t, testbed.Root)
	folder := t.TempDir()
	secret, made := filepath.Join(folder, "secret"), filepath.Join(folder, "made")
	require.NoError(t, os.WriteFile(secret, nil, 0o600))
	done := make(chan error)
	go func() {
		goruntime.LockOSThread()
		err := Range{First: 1 << 30, Count: 1 << 16}.Act()
		if err == nil {
			err = os.WriteFile(made, nil, 0o600)
		}
		if err == nil {
			_, err = os.ReadFile(secret)
		}
		done <- err
	}()

	require.NoError(t, <-done)

	info, err := os.Stat(made)
	require.NoError(t, err)
	require.Equal(t, uint32(1<<30), info.Sys().(*syscall.Stat_t).Uid)
	require.NoError(t, os.WriteFile(secret, nil, 0o600))
	info, err = os.Stat(secret)
	require.NoError(t, err)
	require.Zero(t, info.Sys().(*syscall.Stat_t).Uid, "and no other thread does")
}
