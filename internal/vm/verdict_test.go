package vm

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
	"mytinydocker/internal/vm/wire"
)

// actions returns what `go test -json` would say of each package, in the end, and of
// each test.
func actions(t *testing.T, printed *bytes.Buffer) map[string]string {
	t.Helper()
	last := make(map[string]string)
	for decoder := json.NewDecoder(printed); ; {
		var event struct{ Action, Package, Test string }
		err := decoder.Decode(&event)
		if errors.Is(err, io.EOF) {
			return last
		}
		require.NoError(t, err)
		if event.Action == "pass" || event.Action == "fail" || event.Action == "skip" {
			last[event.Package+" "+event.Test] = event.Action
		}
	}
}

func TestVerdictIsThatOfGoTest(t *testing.T) {
	testbed.Require(t, testbed.GoTool)
	var printed bytes.Buffer
	verdict := NewVerdict(&printed)
	for _, report := range []wire.Report{
		{Kind: wire.Booted},
		{Kind: wire.Output, Package: "good", Data: []byte("\x16=== RUN   TestA\n\x16--- PA")},
		{Kind: wire.Alive},
		{Kind: wire.Output, Package: "good", Data: []byte("SS: TestA (0.00s)\n\x16=== RUN   TestB\n\x16--- SKIP: TestB (0.00s)\n\x16PASS\n")},
		{Kind: wire.Ended, Package: "good"},
		{Kind: wire.Output, Package: "bad", Data: []byte("\x16=== RUN   TestA\n\x16--- FAIL: TestA (0.00s)\n\x16FAIL\n")},
		{Kind: wire.Ended, Package: "bad", Code: 1},
		// The tests have passed, and left something behind.
		{Kind: wire.Output, Package: "leaky", Data: []byte("\x16=== RUN   TestA\n\x16--- PASS: TestA (0.00s)\n\x16PASS\nleft behind: a mount")},
		{Kind: wire.Ended, Package: "leaky", Code: 1},
		{Kind: wire.Ended, Package: "killed", Code: 137},
		{Kind: wire.Output, Package: "cut off", Data: []byte("\x16=== RUN   TestA\n")},
	} {
		require.NoError(t, verdict.Take(report))
	}

	require.NoError(t, verdict.Close())

	require.Equal(t, []string{"bad", "leaky", "killed", "cut off"}, verdict.Failed())
	require.Equal(t, map[string]string{
		"good ": "pass", "good TestA": "pass", "good TestB": "skip", "bad ": "fail", "bad TestA": "fail",
		"leaky ": "fail", "leaky TestA": "pass", "killed ": "fail", "cut off ": "fail",
	}, actions(t, &printed))
}
