// Command tinydocker runs containers.
package main

import (
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"mytinydocker/final/cli"
	"mytinydocker/final/engine"
	"mytinydocker/final/runtime"
)

// This program has several roles: that of the command a user types, and, started by
// itself, that of the monitor of a container in the background, and those of the
// processes that become programs of a container. Which one it is, is decided before
// anything else is set up.
func main() {
	// What we make for a container, and from images, has the modes that we
	// give, whatever our caller would keep to itself.
	unix.Umask(0o022)
	if len(os.Args) == 2 {
		if role, hidden := runtime.Roles[os.Args[1]]; hidden {
			if err := role(); err != nil {
				fmt.Fprintf(os.Stderr, "tinydocker: %s: %v\n", os.Args[1], err)
			}
			os.Exit(runtime.StatusFailed)
		}
	}
	// A file that is too long for our limit is an error of write(2) then, and not our
	// end (setrlimit(2), RLIMIT_FSIZE). Ignoring the signal would do as much, and have
	// the container's program ignore it too.
	signal.Notify(make(chan os.Signal, 1), unix.SIGXFSZ)
	if len(os.Args) == 2 && os.Args[1] == engine.MonitorRole {
		if err := engine.Monitor(); err != nil {
			fmt.Fprintln(os.Stderr, "tinydocker: monitor:", err)
			os.Exit(runtime.StatusFailed)
		}
		os.Exit(0)
	}
	os.Exit(cli.Main(os.Args))
}
