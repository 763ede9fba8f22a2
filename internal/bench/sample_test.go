package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func counting(name string, order *[]string) contender {
	return contender{name: name, once: func() (float64, error) {
		*order = append(*order, name)
		return float64(len(*order)), nil
	}}
}

func TestSamplesAreTakenInTurnAndTheFirstDoesNotCount(t *testing.T) {
	var order []string

	taken, err := interleave([]contender{counting("a", &order), counting("b", &order)}, 2)

	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "a", "b", "a", "b"}, order)
	require.Equal(t, map[string][]float64{"a": {3, 5}, "b": {4, 6}}, taken)
}

func TestSamplesThatWereTakenKeepTheirSpread(t *testing.T) {
	taken, err := interleave([]contender{sampled("first", []float64{1, 2, 3}), sampled("last", []float64{4, 5, 6})}, 21)

	require.NoError(t, err)
	require.Equal(t, map[string][]float64{"first": {1, 2, 3}, "last": {4, 5, 6}}, taken)
}

func TestCommandIsUndoneAfterEachSample(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	one := undone("mkdir", func() *exec.Cmd { return exec.Command("mkdir", file) }, func() *exec.Cmd { return exec.Command("rmdir", file) })

	taken, err := interleave([]contender{one}, 2)

	require.NoError(t, err)
	require.Len(t, taken["mkdir"], 2)
	require.NoDirExists(t, file)
}

func TestContenderThatFailsEndsTheMeasurement(t *testing.T) {
	broken := contender{name: "broken", once: func() (float64, error) { return 0, errors.New("no such thing") }}

	_, err := interleave([]contender{broken}, 2)

	require.ErrorContains(t, err, "measure broken: no such thing")
}

func TestQuartiles(t *testing.T) {
	low, median, high := quartiles([]float64{5, 1, 4, 2, 3})

	require.Equal(t, []float64{2, 3, 4}, []float64{low, median, high})
	low, median, high = quartiles([]float64{7})
	require.Equal(t, []float64{7, 7, 7}, []float64{low, median, high})
	_, median, _ = quartiles([]float64{1, 2})
	require.InDelta(t, 1.5, median, 1e-9)
}

func TestRatiosAreThoseOfNeighbours(t *testing.T) {
	require.Equal(t, []float64{0.5, 2}, ratios([]float64{1, 4}, []float64{2, 2}))
}

func TestCommandThatFailsSaysWhat(t *testing.T) {
	err := do(exec.Command("sh", "-c", "echo broken >&2; exit 3"))

	require.ErrorContains(t, err, "exit status 3: broken")
}
