package testbed

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSlowMachinesAreGivenMoreTime(t *testing.T) {
	for patience, want := range map[string]time.Duration{"": time.Second, "5": 5 * time.Second, "0": time.Second, "-1": time.Second, "much": time.Second} {
		t.Setenv("TESTBED_PATIENCE", patience)

		require.Equal(t, want, patient(time.Second), patience)
	}
}

func TestSlowMachinesAreGivenLessToDo(t *testing.T) {
	require.Equal(t, 50, Few(50))
	t.Setenv("TESTBED_PATIENCE", "5")
	require.Equal(t, 10, Few(50))
	require.Equal(t, 2, Few(8))
	require.Equal(t, 2, Few(3), "or nothing would be at once")
}
