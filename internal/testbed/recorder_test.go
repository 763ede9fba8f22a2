package testbed

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// recorder is a test whose failure is what the test wants to see.
type recorder struct {
	testing.TB
	errors   []string
	skipped  string
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }

func (r *recorder) Skip(args ...any) {
	r.skipped = fmt.Sprint(args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) { r.Skip(fmt.Sprintf(format, args...)) }

// record runs a test and its clean-up to their end, whatever that is.
func record(t testing.TB, test func(testing.TB)) *recorder {
	recorded := &recorder{TB: t}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() {
			for _, cleanup := range slices.Backward(recorded.cleanups) {
				cleanup()
			}
		}()
		test(recorded)
	}()
	<-ended
	return recorded
}

// failureOf returns what a test said when it failed.
func failureOf(t testing.TB, test func(testing.TB)) string {
	return strings.Join(record(t, test).errors, "\n")
}
