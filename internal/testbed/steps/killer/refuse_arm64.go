package main

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// numberOfCall is NT_ARM_SYSTEM_CALL, the set of registers that only has the number of the
// system call.
const numberOfCall = 0x404

// refuse has a thread that is about to do a system call do none: there is none with the
// number -1.
func refuse(thread int) error {
	none := int32(-1)
	vector := unix.Iovec{Base: (*byte)(unsafe.Pointer(&none)), Len: uint64(unsafe.Sizeof(none))}
	return ptrace(unix.PTRACE_SETREGSET, thread, numberOfCall, uintptr(unsafe.Pointer(&vector)))
}

// answer has the system call of a thread that returns from it fail.
func answer(thread int, number syscall.Errno) error {
	var registers unix.PtraceRegs
	if err := unix.PtraceGetRegs(thread, &registers); err != nil {
		return err
	}
	registers.Regs[0] = -uint64(number)
	return unix.PtraceSetRegs(thread, &registers)
}
