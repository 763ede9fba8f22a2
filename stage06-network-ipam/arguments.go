package main

import "slices"

// positional returns the end of args that the flag parser found to be
// positional and reported as parsed. The parser drops a "--" even behind the
// first positional argument, where it is the program's own: `run echo -- a`.
func positional(args, parsed []string) []string {
	tail := args[len(args)-len(parsed):]
	if slices.Equal(tail, parsed) {
		return tail
	}
	return args[len(args)-len(parsed)-1:]
}
