//go:build !cover

package runtime

import "os"

// watched leaves a process as it is: nobody has built this program to be watched.
func watched(environment []string, files []*os.File) ([]string, []*os.File) {
	return environment, files
}

func report() {}
