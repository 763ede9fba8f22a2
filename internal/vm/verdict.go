package vm

import (
	"fmt"
	"io"
	"os/exec"

	"mytinydocker/internal/vm/wire"
)

// Verdict turns reports into what `go test -json` prints.
type Verdict struct {
	out     io.Writer
	current string // package
	stream  io.WriteCloser
	convert *exec.Cmd
	failed  []string
}

// NewVerdict returns one that writes to out.
func NewVerdict(out io.Writer) *Verdict { return &Verdict{out: out} }

// Arguments have a test binary print what Take can read.
var Arguments = []string{"-test.v=test2json", "-test.paniconexit0"}

// Take takes the next report.
func (v *Verdict) Take(report wire.Report) error {
	switch report.Kind {
	case wire.Output:
		if err := v.begin(report.Package); err != nil {
			return err
		}
		_, err := v.stream.Write(report.Data)
		return err
	case wire.Ended:
		if err := v.begin(report.Package); err != nil {
			return err
		}
		return v.end(report.Code)
	}
	return nil
}

// begin starts the converter for a package, unless it runs.
func (v *Verdict) begin(name string) error {
	if v.current == name {
		return nil
	}
	convert := exec.Command("go", "tool", "test2json", "-t", "-p", name)
	convert.Stdout, convert.Stderr = v.out, v.out
	stream, err := convert.StdinPipe()
	if err == nil {
		err = convert.Start()
	}
	if err != nil {
		return fmt.Errorf("convert the output of %s: %w", name, err)
	}
	v.current, v.stream, v.convert = name, stream, convert
	return nil
}

// end tells the converter how the tests have ended, as `go test` does: their last
// word may have been PASS, and the look at what they have left failed.
func (v *Verdict) end(code int) error {
	if code != 0 {
		v.failed = append(v.failed, v.current)
		// The first character says that this line is no output of a test.
		if _, err := fmt.Fprintf(v.stream, "\nexit status %d\n\x16FAIL\n", code); err != nil {
			return err
		}
	}
	name := v.current
	v.current = ""
	if err := v.stream.Close(); err != nil {
		return err
	}
	if err := v.convert.Wait(); err != nil {
		return fmt.Errorf("convert the output of %s: %w", name, err)
	}
	return nil
}

// Close ends what is half done: the machine has stopped in the middle of it.
func (v *Verdict) Close() error {
	if v.current == "" {
		return nil
	}
	return v.end(1)
}

// Failed returns the packages whose tests have failed.
func (v *Verdict) Failed() []string { return v.failed }
