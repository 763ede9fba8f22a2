package engine

import (
	"fmt"
	"os"
	"strings"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment is what the program gets: some defaults, what the image sets, and
// what the user sets, each replacing what is before. Nothing else of our own
// environment enters the container.
func environment(image, user []string, record *Record) ([]string, error) {
	variables := []string{"PATH=" + defaultPath, "HOSTNAME=" + record.Hostname}
	if record.Terminal {
		variables = append(variables, "TERM=xterm")
	}
	variables = append(variables, image...)
	for _, variable := range user {
		name, _, valued := strings.Cut(variable, "=")
		if name == "" {
			return nil, fmt.Errorf("invalid environment variable %q: it has no name", variable)
		}
		if valued {
			variables = append(variables, variable)
		} else if value, set := os.LookupEnv(name); set {
			variables = append(variables, name+"="+value)
		}
	}
	return lastOfEach(variables), nil
}

// lastOfEach drops what a later variable of the same name replaces.
func lastOfEach(variables []string) []string {
	place := make(map[string]int)
	var kept []string
	for _, variable := range variables {
		name, _, _ := strings.Cut(variable, "=")
		if index, seen := place[name]; seen {
			kept[index] = variable
			continue
		}
		place[name] = len(kept)
		kept = append(kept, variable)
	}
	return kept
}

func hasVariable(variables []string, name string) bool {
	for _, variable := range variables {
		if strings.HasPrefix(variable, name+"=") {
			return true
		}
	}
	return false
}
