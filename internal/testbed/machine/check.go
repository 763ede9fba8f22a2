// Package machine looks at what the machine it runs on can do for a container
// runtime. It tries things out, in namespaces of its own, rather than trusting
// version numbers, and leaves the machine as it was.
package machine

import (
	"fmt"
	"io"
	"strings"
)

// Check is the answer to one question about the machine.
type Check struct {
	Name     string // what was looked for
	OK       bool   // whether it is there
	Found    string // what was seen
	Mend     string // what to do if it is not there: one line
	Optional bool   // only some chapters want it
}

// All looks at everything, from what nothing works without to what only one
// chapter wants.
func All() []Check {
	checks := []Check{Kernel(), Go(), Compiler(), Root(), Terminal(), Space("/var/lib")}
	checks = append(checks, Namespaces()...)
	checks = append(checks, optional(UserNamespaces()))
	checks = append(checks, Cgroups())
	for _, name := range []string{"memory", "cpu", "cpuset", "pids"} {
		checks = append(checks, Controller(name))
	}
	return append(checks, Overlay(), optional(AUFS()), optional(NFTables()), optional(IPTables()), optional(Forwarding()), optional(QEMU()))
}

func optional(check Check) Check {
	check.Optional = true
	return check
}

// Report writes a line for each check, and below each that failed a line that
// says how to mend it. It returns an error if one that is not optional failed.
func Report(w io.Writer, checks []Check) error {
	var missing []string
	for _, check := range checks {
		mark := "ok"
		switch {
		case check.OK:
		case check.Optional:
			mark = "-"
		default:
			mark = "NO"
			missing = append(missing, check.Name)
		}
		if _, err := fmt.Fprintf(w, "%-3s %-24s %s\n", mark, check.Name, check.Found); err != nil {
			return err
		}
		if !check.OK {
			if _, err := fmt.Fprintf(w, "    %-24s -> %s\n", "", check.Mend); err != nil {
				return err
			}
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("missing: %s", strings.Join(missing, ", "))
	}
	return nil
}
