package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// environmentOf returns what is in the environment of a new container: what every
// program expects, and what the user wants, which wins. NAME=VALUE sets a variable,
// and NAME alone copies ours, if we have it; what is said last of a NAME is what counts.
// Without a NAME it is an error.
//
//learn:exercise
func environmentOf(flags []string) ([]string, error) {
	environment := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
	for _, variable := range flags {
		name, _, given := strings.Cut(variable, "=")
		if name == "" {
			return nil, fmt.Errorf("environment %q: want NAME=VALUE or NAME", variable)
		}
		if !given {
			value, ours := os.LookupEnv(name)
			if !ours {
				continue
			}
			variable = name + "=" + value
		}
		environment = setVariable(environment, variable)
	}
	return environment, nil
}

// setVariable returns the environment with a NAME=VALUE in place of what NAME was.
func setVariable(environment []string, variable string) []string {
	name, _, _ := strings.Cut(variable, "=")
	others := slices.DeleteFunc(environment, func(other string) bool { return strings.HasPrefix(other, name+"=") })
	return append(others, variable)
}

// addTerminal tells the program which kind of terminal it is on, if it is on ours.
func addTerminal(environment []string, interactive bool) []string {
	if !interactive || !isTerminal(os.Stdin) {
		return environment
	}
	return setVariable(environment, "TERM="+os.Getenv("TERM"))
}

// readEnvironment returns the environment that a process was started with. It is the
// process's own to write in (proc_pid_environ(5)): data of the container, for nobody
// else.
func readEnvironment(pid int) ([]string, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return nil, fmt.Errorf("read the container's environment: %w", err)
	}
	return strings.FieldsFunc(string(content), func(r rune) bool { return r == 0 }), nil
}

// setPath makes PATH of an environment ours: it is where we look for programs.
func setPath(environment []string) error {
	path := ""
	for _, variable := range environment {
		if value, found := strings.CutPrefix(variable, "PATH="); found {
			path = value
		}
	}
	if err := os.Setenv("PATH", path); err != nil {
		return errors.New("the container's PATH holds a NUL")
	}
	return nil
}
