//go:build cover

package runtime

import (
	"fmt"
	"os"
	"runtime/coverage"
)

// reports is the folder for what a program that was built to be watched has executed.
// It is opened where it can be seen.
var reports, noReports = os.Open(os.Getenv("GOCOVERDIR"))

// watched are the variables by which our processes are told where to report.
func watched() []string { return []string{"GOCOVERDIR=" + os.Getenv("GOCOVERDIR")} }

// report says what we have executed, before we become another program. Who cannot say
// it, as another user cannot, says nothing.
func report() {
	if noReports == nil {
		folder := fmt.Sprintf("/proc/self/fd/%d", reports.Fd())
		_, _ = coverage.WriteMetaDir(folder), coverage.WriteCountersDir(folder)
	}
}
