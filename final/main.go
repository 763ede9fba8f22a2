// Command tinydocker runs containers.
package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"mytinydocker/final/cli"
	"mytinydocker/final/engine"
	"mytinydocker/final/runtime"
)

// This program has three roles: that of the command a user types, and, started by
// itself, those of a container's first process and of the monitor of a container in
// the background. Which one it is, is decided before anything else is set up.
func main() {
	// What we make for a container, and from images, has the modes that we
	// give, whatever our caller would keep to itself.
	unix.Umask(0o022)
	if len(os.Args) == 2 && os.Args[1] == runtime.InitRole {
		if err := runtime.Init(); err != nil {
			fmt.Fprintln(os.Stderr, "tinydocker: init:", err)
		}
		os.Exit(runtime.StatusFailed)
	}
	if len(os.Args) == 2 && os.Args[1] == engine.MonitorRole {
		if err := engine.Monitor(); err != nil {
			fmt.Fprintln(os.Stderr, "tinydocker: monitor:", err)
			os.Exit(runtime.StatusFailed)
		}
		os.Exit(0)
	}
	os.Exit(cli.Main(os.Args))
}
