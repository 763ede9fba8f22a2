package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The sum of memory and swap may never be less than memory alone, so that comes
// first. Without swap there is nothing to see of the second at work.
func TestV1LimitsMemoryAndThenSwap(t *testing.T) {
	settings := memory{}.files(1, Limits{Memory: 64 << 20})

	require.Equal(t, []setting{
		{file: "memory.limit_in_bytes", value: "67108864"},
		{file: "memory.memsw.limit_in_bytes", value: "67108864", optional: true},
	}, settings)
}
