// Package wire is what an emulated machine and the one that it runs on tell each
// other. Orders go in with the machine's files, as JSON. Reports come out over its
// second serial line, a JSON object on each line: every kernel has a driver for
// that line built in, and the first one carries what the kernel itself prints.
package wire

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Where the guest finds its orders, and what it reports over.
const (
	OrdersFile = "/vm/orders.json"
	Line       = "/dev/ttyS1"
)

// Orders is what the guest is to do.
type Orders struct {
	Modules     []string // files of kernel modules, in the order in which they are loaded
	Format      string   // program that makes a file system of a file, if there is one
	Cgroups     int      // version, 1 or 2
	Environment []string // of the tests
	Tests       []Test
}

// Test is a test binary and how it is run.
type Test struct {
	Package   string // import path
	Program   string
	Folder    string // the package's, which the test is run in
	Arguments []string
}

// Kind says what a report is about.
type Kind string

// Kinds of reports.
const (
	Booted Kind = "booted" // the first one, once everything is prepared: Text is the kernel's release
	Alive  Kind = "alive"  // a few seconds have passed
	Output Kind = "output" // Data is what a test has printed
	Ended  Kind = "ended"  // a test has ended with Code, 128+n for the signal n
	Failed Kind = "failed" // the guest cannot go on: Text says why
	Done   Kind = "done"   // the last one: all tests have ended
)

// Report is one message of the guest.
type Report struct {
	Kind    Kind
	Package string `json:",omitempty"` // the test's, for Output and Ended
	Data    []byte `json:",omitempty"`
	Code    int    `json:",omitempty"`
	Text    string `json:",omitempty"`
}

// Send writes a report. It is one call of Write.
func Send(line io.Writer, report Report) error {
	text, err := json.Marshal(report)
	if err != nil {
		return err
	}
	_, err = line.Write(append(text, '\n'))
	return err
}

// longest is far above what Send writes for a chunk of output.
const longest = 1 << 20

// Receive calls each with every report, until the last one. A line that is no
// report, and an end without a last one (io.ErrUnexpectedEOF), are errors, as is
// what each returns.
func Receive(line io.Reader, each func(Report) error) error {
	lines := bufio.NewScanner(line)
	lines.Buffer(nil, longest)
	for lines.Scan() {
		var report Report
		if err := json.Unmarshal(lines.Bytes(), &report); err != nil {
			return fmt.Errorf("read the guest's report %.100q: %w", lines.Text(), err)
		}
		switch report.Kind {
		case Done:
			return nil
		case Failed:
			return errors.New("the guest gave up: " + report.Text)
		}
		if err := each(report); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the guest's reports: %w", err)
	}
	return io.ErrUnexpectedEOF
}
