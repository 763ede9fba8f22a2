//go:build race || cover

package engine

import "os"

// instruments are the variables that tell a program which was built to be watched, where
// to report: of data races, and of what was executed.
func instruments() (variables []string) {
	for _, name := range []string{"GORACE", "GOCOVERDIR"} {
		if value, found := os.LookupEnv(name); found {
			variables = append(variables, name+"="+value)
		}
	}
	return variables
}
