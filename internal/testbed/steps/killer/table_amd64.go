package main

import "golang.org/x/sys/unix"

// quietHere and inwardHere are those that only this architecture has.
var quietHere = []uint64{
	unix.SYS_OPEN, unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_ACCESS, unix.SYS_READLINK, unix.SYS_POLL, unix.SYS_SELECT, unix.SYS_EPOLL_WAIT,
	unix.SYS_PIPE, unix.SYS_DUP2, unix.SYS_ALARM, unix.SYS_VFORK, unix.SYS_FORK,
}

var inwardHere = []uint64{unix.SYS_ARCH_PRCTL, unix.SYS_TIME, unix.SYS_GETPGRP}

// namesHere and argumentsHere are of steps that only this architecture has.
var (
	namesHere = map[uint64]string{
		unix.SYS_OPEN: "open", unix.SYS_STAT: "stat", unix.SYS_LSTAT: "lstat", unix.SYS_ACCESS: "access", unix.SYS_READLINK: "readlink", unix.SYS_POLL: "poll",
		unix.SYS_DUP2: "dup2", unix.SYS_PIPE: "pipe", unix.SYS_MKDIR: "mkdir", unix.SYS_RMDIR: "rmdir", unix.SYS_UNLINK: "unlink", unix.SYS_RENAME: "rename", unix.SYS_LINK: "link", unix.SYS_SYMLINK: "symlink",
	}
	argumentsHere = map[uint64]string{
		unix.SYS_OPEN: "p", unix.SYS_STAT: "p", unix.SYS_LSTAT: "p", unix.SYS_ACCESS: "p", unix.SYS_READLINK: "p", unix.SYS_DUP2: "f", unix.SYS_MKDIR: "p", unix.SYS_RMDIR: "p", unix.SYS_UNLINK: "p", unix.SYS_RENAME: "pp", unix.SYS_LINK: "pp", unix.SYS_SYMLINK: "pp",
	}
)
