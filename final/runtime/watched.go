//go:build cover

package runtime

import (
	"fmt"
	"os"
	"runtime/coverage"
)

// reports is the folder for what a program that was built to be watched has executed.
var reports, noReports = os.Open(os.Getenv("GOCOVERDIR"))

// watched has a process of ours report there, too. It finds the folder by an open file:
// it will be where nothing else leads to it.
func watched(environment []string, files []*os.File) ([]string, []*os.File) {
	if noReports != nil {
		return environment, files
	}
	return append(environment, fmt.Sprintf("GOCOVERDIR=/proc/self/fd/%d", len(files))), append(files, reports)
}

// report says what we have executed, before we become another program. Who cannot say
// it, as another user cannot, says nothing.
func report() {
	folder := os.Getenv("GOCOVERDIR")
	_, _ = coverage.WriteMetaDir(folder), coverage.WriteCountersDir(folder)
}
