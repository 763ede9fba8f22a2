package engine

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSignalsHaveNumbersAndNames(t *testing.T) {
	for text, want := range map[string]syscall.Signal{
		"9": 9, "KILL": 9, "SIGKILL": 9, "kill": 9, "sigterm": 15, "HUP": 1, "64": 64,
		"RTMIN": 34, "SIGRTMIN+3": 37, "RTMAX": 64, "RTMAX-4": 60,
	} {
		got, err := ParseSignal(text)

		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "0", "65", "-1", "SIG", "NOSUCH", "RTMIN-1", "RTMAX+1", "RTMIN+x", "KILL "} {
		_, err := ParseSignal(text)

		require.Error(t, err, text)
	}
}
