package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestBadInputIsOneLineAnd125(t *testing.T) {
	for name, args := range map[string][]string{
		"no command":       {"run"},
		"unknown flag":     {"run", "--nosuch", "true"},
		"flag needs value": {"run", "--hostname"},
		"unknown command":  {"nosuch"},
		"long hostname":    {"run", "--hostname", "a-name-that-is-longer-than-the-sixty-four-bytes-the-kernel-keeps-of-it", "true"},
	} {
		t.Run(name, func(t *testing.T) {
			testbed.Require(t, testbed.Root)

			result := testbed.Run(t, testbed.Build(t, "."), args...)

			require.Equal(t, 125, result.Code)
			require.Empty(t, result.Stdout)
			requireOneLine(t, result.Stderr)
		})
	}
}

func TestHelpNamesTheCommandsForUsers(t *testing.T) {
	result := testbed.Run(t, testbed.Build(t, "."), "--help")

	require.Zero(t, result.Code)
	require.Contains(t, result.Stdout, "run")
	require.NotContains(t, result.Stdout, "init")
	require.Empty(t, result.Stderr)
}
