package main

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExitStatusOfEachEnd(t *testing.T) {
	for script, want := range map[string]error{
		"exit 0":        nil,
		"exit 7":        &ExitError{Code: 7},
		"exit 255":      &ExitError{Code: 255},
		"kill -KILL $$": &ExitError{Code: 128 + 9},
		"kill -TERM $$": &ExitError{Code: 128 + 15},
	} {
		process := exec.Command("sh", "-c", script)
		_ = process.Run() // says the same in other words

		got := exitOf(process.ProcessState)

		if want == nil && got != nil {
			t.Fatalf("%s: exitOf returns %#v: return nil itself, since a nil *ExitError in an error is not nil", script, got)
		}
		require.Equal(t, want, got, script)
	}
}
