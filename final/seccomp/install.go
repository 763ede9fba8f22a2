package seccomp

import (
	"encoding/binary"
	"errors"
	"fmt"
	goruntime "runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

const instructionSize = 8 // bytes of a struct sock_filter

func install(flags uint, code []byte) error {
	if len(code) == 0 || len(code)%instructionSize != 0 {
		return errors.New("filter system calls: the filter is damaged")
	}
	program := make([]unix.SockFilter, len(code)/instructionSize)
	for index := range program {
		from := code[index*instructionSize:]
		program[index] = unix.SockFilter{
			Code: binary.NativeEndian.Uint16(from), Jt: from[2], Jf: from[3], K: binary.NativeEndian.Uint32(from[4:]),
		}
	}
	whole := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(flags), uintptr(unsafe.Pointer(&whole)))
	goruntime.KeepAlive(program)
	if errno != 0 {
		return fmt.Errorf("filter system calls: %w", errno)
	}
	return nil
}
