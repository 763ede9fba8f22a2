// Command doctor tells what this machine can run, and how to mend what it cannot.
package main

import (
	"fmt"
	"os"

	"mytinydocker/internal/testbed/machine"
)

func main() {
	if err := machine.Report(os.Stdout, machine.All()); err != nil {
		fmt.Fprintln(os.Stderr, "doctor:", err)
		os.Exit(1)
	}
}
