package cgroup

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseNumber(t *testing.T) {
	for text, want := range map[string]uint64{"0\n": 0, "42": 42, "18446744073709551615\n": math.MaxUint64} {
		got, err := parseNumber(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "\n", "-1", "+1", " 1", "1 ", "1\n\n", "0x1", "1_0", "max", "18446744073709551616"} {
		_, err := parseNumber(text)
		require.Error(t, err, "%q", text)
	}
}

// "No limit" is a word in version 2, and in version 1 a number that no machine has.
func TestParseLimit(t *testing.T) {
	for text, want := range map[string]uint64{"max\n": unlimited, "9223372036854771712\n": unlimited, "4096\n": 4096} {
		got, err := parseLimit(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := parseLimit("maximum\n")
	require.Error(t, err)
}

func TestParseFlat(t *testing.T) {
	values, err := parseFlat("oom 1\noom_kill 2\n")
	require.NoError(t, err)
	require.Equal(t, map[string]uint64{"oom": 1, "oom_kill": 2}, values)
	for _, text := range []string{"oom\n", "oom 1 2\n", "oom  1\n", "oom -1\n", "a 1\na 2\n", " 1\n", "a 1\n\n", "a 1"} {
		_, err := parseFlat(text)
		require.Error(t, err, "%q", text)
	}
}

func TestParsePids(t *testing.T) {
	pids, err := parsePids("7\n42\n")
	require.NoError(t, err)
	require.Equal(t, []int{7, 42}, pids)
	_, err = parsePids("0\n")
	require.ErrorContains(t, err, "pid namespace")
	for _, text := range []string{"x\n", "-4\n", "\n", "7", "99999999999\n"} {
		_, err := parsePids(text)
		require.Error(t, err, "%q", text)
	}
}

func TestParseList(t *testing.T) {
	for text, want := range map[string][]int{"\n": nil, "0": {0}, "0-2,4\n": {0, 1, 2, 4}, "1,1": {1, 1}} {
		got, err := parseList(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"-1", "1-", "2-1", "a", "0,,1", "0-4:1/2", " 0", "0-99999", ","} {
		_, err := parseList(text)
		require.Error(t, err, "%q", text)
	}
}

func TestParseBlockIO(t *testing.T) {
	read, write, err := parseBlkio("8:0 Read 4096\n8:0 Write 512\n8:0 Sync 4608\n8:0 Total 4608\n253:1 Read 1\nTotal 4609\n")
	require.NoError(t, err)
	require.Equal(t, [2]uint64{4097, 512}, [2]uint64{read, write})
	read, write, err = parseIOStat("8:0 rbytes=4096 wbytes=512 rios=1 wios=1 dbytes=0 dios=0 cost.usage=1.5\n253:1 rbytes=1 depth=max\n252:0 \n")
	require.NoError(t, err)
	require.Equal(t, [2]uint64{4097, 512}, [2]uint64{read, write})
	for _, text := range []string{"8:0 Read\n", "8 Read 1\n", "8:0 Read -1\n", "Sum 4\n", "Total x\n", "8:0 Read 18446744073709551615\n8:1 Read 1\n", "8:0 Read 1"} {
		_, _, err := parseBlkio(text)
		require.Error(t, err, "%q", text)
	}
	for _, text := range []string{"8:0 rbytes\n", "8 rbytes=1\n", "8:0 rbytes=x\n", "8:0 rbytes=18446744073709551615\n8:1 rbytes=1\n", "\n", "8:0 rbytes=1"} {
		_, _, err := parseIOStat(text)
		require.Error(t, err, "%q", text)
	}
}

func TestParseSystem(t *testing.T) {
	ticks, cpus, err := parseSystem("cpu  1 2 3 4 5 6 7 8 100 100\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\nintr 1\n")
	require.NoError(t, err)
	require.Equal(t, uint64(36), ticks, "guests are counted as users already")
	require.Equal(t, 2, cpus)
	for _, text := range []string{"", "intr 1\n", "cpu 1 2 3\n", "cpu  1 2 3 4 5 6 7 x\n"} {
		_, _, err := parseSystem(text)
		require.Error(t, err, "%q", text)
	}
}

func FuzzParsers(f *testing.F) {
	for _, seed := range []string{
		"max\n", "1\n", "oom_kill 2\n", "0-2,4\n", "8:0 Read 4096\nTotal 1\n", "8:0 rbytes=1 wbytes=2\n", "100000 100000\n", "max 100000\n",
		"cpu  1 2 3 4 5 6 7 8\ncpu0 1\n", "MemTotal:       25275960 kB\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = parseNumber(text)
		_, _ = parseLimit(text)
		_, _ = parseFlat(text)
		_, _, _ = parseBlkio(text)
		_, _, _ = parseIOStat(text)
		_, _, _ = parseSystem(text)
		_, _ = parseMemTotal(text)
		if pids, err := parsePids(text); err == nil {
			for _, pid := range pids {
				require.Positive(t, pid)
			}
		}
		if list, err := parseList(text); err == nil {
			require.LessOrEqual(t, len(list), len(text)*mostCPUs)
		}
	})
}
