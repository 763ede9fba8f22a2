package wire_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/vm/wire"
)

func TestReportsArriveAsTheyWereSent(t *testing.T) {
	sent := []wire.Report{
		{Kind: wire.Booted, Text: "6.1.0"},
		{Kind: wire.Output, Package: "p", Data: []byte("not text: \xff\x00\n\r\x1b[0m")},
		{Kind: wire.Ended, Package: "p", Code: 137},
	}
	var line bytes.Buffer
	for _, report := range append(sent, wire.Report{Kind: wire.Done}) {
		require.NoError(t, wire.Send(&line, report))
	}
	line.WriteString("what comes after the last one is not read")

	var received []wire.Report
	err := wire.Receive(&line, func(report wire.Report) error {
		received = append(received, report)
		return nil
	})

	require.NoError(t, err)
	require.Equal(t, sent, received)
}

// Whatever ends the reports early, the tests have not passed.
func TestReportsWithoutAnEndAreAnError(t *testing.T) {
	refused := errors.New("refused")
	for name, test := range map[string]struct {
		line string
		want string
	}{
		"nothing":                  {"", "EOF"},
		"a guest that is gone":     {`{"Kind":"alive"}` + "\n", "EOF"},
		"half a report":            {`{"Kind":"do`, "report"},
		"noise":                    {"[    0.1] Linux version 6.1\n", "Linux version"},
		"a failure":                {`{"Kind":"failed","Text":"no module"}` + "\n", "no module"},
		"a report that is refused": {`{"Kind":"booted"}` + "\n" + `{"Kind":"done"}` + "\n", "refused"},
		"a line without end":       {strings.Repeat("x", 2<<20), "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			err := wire.Receive(strings.NewReader(test.line), func(report wire.Report) error {
				if report.Kind == wire.Booted {
					return refused
				}
				return nil
			})

			require.ErrorContains(t, err, test.want)
		})
	}
	require.ErrorIs(t, wire.Receive(strings.NewReader(""), nil), io.ErrUnexpectedEOF)
}
