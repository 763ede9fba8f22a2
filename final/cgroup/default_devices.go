package cgroup

import "github.com/opencontainers/runtime-spec/specs-go"

// DefaultDevices are the rules for the devices of a container, as Docker has them:
// the nodes that every container has, its terminals, and none else. Any node may be
// made: what it stands for can still not be opened.
func DefaultDevices() []specs.LinuxDeviceCgroup {
	rules := []specs.LinuxDeviceCgroup{
		{Allow: false, Access: "rwm"},
		{Allow: true, Type: "c", Access: "m"},
		{Allow: true, Type: "b", Access: "m"},
	}
	for _, node := range [][2]int64{
		{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, // null zero full random urandom
		{5, 0}, {5, 1}, {5, 2}, {136, -1}, // tty console ptmx pts/*
	} {
		rule := specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: &node[0], Access: "rwm"}
		if node[1] >= 0 {
			rule.Minor = &node[1]
		}
		rules = append(rules, rule)
	}
	return rules
}
