package cgroup

import "golang.org/x/sys/unix"

// Unified reports whether version 2 is the only one here: then it is mounted where
// version 1 has a folder for each hierarchy.
func Unified() bool {
	var stat unix.Statfs_t
	return unix.Statfs("/sys/fs/cgroup", &stat) == nil && stat.Type == unix.CGROUP2_SUPER_MAGIC
}
