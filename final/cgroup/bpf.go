package cgroup

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// programName is what bpftool(8) shows of our programs.
const programName = "tinydocker_dev"

// loadAttributes are those that union bpf_attr has for BPF_PROG_LOAD, as far as they
// are needed; the rest of it is zero (bpf(2)).
type loadAttributes struct {
	kind, count         uint32
	instructions        unsafe.Pointer
	license             unsafe.Pointer
	logLevel, logSize   uint32
	log                 unsafe.Pointer
	kernelVersion, flag uint32
	name                [16]byte
	_                   uint32
	attach              uint32
}

// attachAttributes are those for BPF_PROG_ATTACH.
type attachAttributes struct{ target, program, kind, flags uint32 }

// attachProgram loads a device program and attaches it to a cgroup of version 2, which
// keeps it until its own end. The programs of the cgroups above go on deciding as
// well: what one of them denies is denied (BPF_F_ALLOW_MULTI, Linux 4.15).
func attachProgram(group folder, program []instruction) error {
	license := [...]byte{'G', 'P', 'L', 0}
	load := loadAttributes{
		kind: unix.BPF_PROG_TYPE_CGROUP_DEVICE, count: uint32(len(program)), attach: unix.BPF_CGROUP_DEVICE,
		instructions: unsafe.Pointer(&program[0]), license: unsafe.Pointer(&license[0]),
	}
	copy(load.name[:len(load.name)-1], programName)
	loaded, err := bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(&load), unsafe.Sizeof(load))
	if err != nil {
		return fmt.Errorf("load a program that decides on devices: %w", err)
	}
	defer unix.Close(loaded)
	target, err := os.Open(string(group))
	if err != nil {
		return err
	}
	defer target.Close()
	attach := attachAttributes{
		target: uint32(target.Fd()), program: uint32(loaded), kind: unix.BPF_CGROUP_DEVICE, flags: unix.BPF_F_ALLOW_MULTI,
	}
	if _, err := bpf(unix.BPF_PROG_ATTACH, unsafe.Pointer(&attach), unsafe.Sizeof(attach)); err != nil {
		return fmt.Errorf("attach a program that decides on devices to %s: %w", group, err)
	}
	return nil
}

// bpf is the system call, which fails with EAGAIN when a signal has come in between.
func bpf(command uintptr, attributes unsafe.Pointer, size uintptr) (int, error) {
	for {
		result, _, errno := unix.Syscall(unix.SYS_BPF, command, uintptr(attributes), size)
		switch errno {
		case 0:
			return int(result), nil
		case unix.EAGAIN, unix.EINTR:
			continue
		case unix.ENOSYS, unix.EINVAL:
			return 0, errors.Join(errno, errors.New("this kernel may be built without CONFIG_CGROUP_BPF"))
		}
		return 0, errno
	}
}
