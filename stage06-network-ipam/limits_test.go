package main

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "4096": 4096, "64k": 64 << 10, "64K": 64 << 10, "64m": 64 << 20, "64MB": 64 << 20, "1g": 1 << 30, "2GiB": 2 << 30, "7b": 7,
	} {
		got, err := parseBytes(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "0", "-1", "lots", "1.5g", "64x", "m", "1 g", "9999999999999999999", "9999999999g", "0m", "64i", "64ib", "64bb", "64kbb", "64kii", "b"} {
		_, err := parseBytes(text)
		require.Error(t, err, "%q", text)
	}
}

func FuzzParseBytes(f *testing.F) {
	f.Add("64m")
	f.Add("1GiB")
	f.Fuzz(func(t *testing.T, text string) {
		if bytes, err := parseBytes(text); err == nil {
			require.Positive(t, bytes)
		}
	})
}

func TestParseCPUList(t *testing.T) {
	for text, want := range map[string][]int{"0": {0}, "0-2": {0, 1, 2}, "0,2": {0, 2}, "1-1,0": {1, 0}, "0-1,3-4\n": {0, 1, 3, 4}} {
		got, err := parseCPUList(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "a", "a-b", "0-", "-1", "1-0", "0,", "0 1", "0-99999999"} {
		_, err := parseCPUList(text)
		require.Error(t, err, "%q", text)
	}
}

func TestBadLimitIsRefusedBeforeAnythingStarts(t *testing.T) {
	testbed.Require(t, testbed.Root)
	for _, flags := range [][]string{
		{"-m", "lots"}, {"-m", "0"}, {"-m", "-5m"}, {"--cpus", "-1"}, {"--cpus", "0"}, {"--cpus", "many"}, {"--cpus", "10000"}, {"--cpus", "nan"},
		{"--cpu-shares", "1"}, {"--cpu-shares", "-1"}, {"--cpu-shares", "x"}, {"--cpuset-cpus", "a-b"}, {"--cpuset-cpus", "9999"},
		{"--pids-limit", "0"}, {"--pids-limit", "-1"}, {"--pids-limit", "x"},
	} {
		result := container(t, flags, "echo", "started").Run(t)

		require.Equal(t, 125, result.Code, "%v", flags)
		require.Empty(t, result.Stdout, "%v", flags)
		requireOneLine(t, result.Stderr)
		require.Contains(t, result.Stderr, strconv.Quote(flags[1]), "it says what was typed: not the kernel has refused it")
	}
}
