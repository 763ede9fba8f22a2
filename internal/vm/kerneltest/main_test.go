package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func TestTimeIsWhatTheCallerSays(t *testing.T) {
	for said, want := range map[string]time.Duration{"": 2 * time.Hour, "90m": 90 * time.Minute, "5h": 5 * time.Hour} {
		t.Setenv("VM_TIMEOUT", said)

		options, err := parse([]string{"image", "stage03"})

		require.NoError(t, err)
		require.Equal(t, want, options.timeout, said)
		require.Equal(t, "stage03", options.target)
	}
}

func TestTimesThatAreNone(t *testing.T) {
	for _, said := range []string{"90", "soon", "0s", "-1h"} {
		t.Setenv("VM_TIMEOUT", said)

		_, err := parse(nil)

		require.ErrorContains(t, err, "VM_TIMEOUT", said)
	}
}
