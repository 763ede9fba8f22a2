package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// refuse has a thread that is about to do a system call do none: there is none with the
// number -1.
func refuse(thread int) error {
	return change(thread, func(registers *unix.PtraceRegs) { registers.Orig_rax = ^uint64(0) })
}

// answer has the system call of a thread that returns from it fail.
func answer(thread int, number syscall.Errno) error {
	return change(thread, func(registers *unix.PtraceRegs) { registers.Rax = -uint64(number) })
}

func change(thread int, change func(*unix.PtraceRegs)) error {
	var registers unix.PtraceRegs
	if err := unix.PtraceGetRegs(thread, &registers); err != nil {
		return err
	}
	change(&registers)
	return unix.PtraceSetRegs(thread, &registers)
}
