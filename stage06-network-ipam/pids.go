package main

import "strconv"

// pids limits how many processes and threads a cgroup has at once. Beyond that,
// fork(2) fails with EAGAIN.
type pids struct{}

func (pids) name() string { return "pids" }

func (pids) wanted(limits Limits) bool { return limits.Pids > 0 }

// files sets the limit, which is in the same file in both versions.
//
//learn:exercise
func (pids) files(_ int, limits Limits) []setting {
	return []setting{{file: "pids.max", value: strconv.FormatInt(limits.Pids, 10)}}
}
