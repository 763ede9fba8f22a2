// Package seccomp makes the filters of system calls that the runtime specification
// describes (config-linux.md), in Go: as programs for the kernel's small machine that
// looks at each system call of a container (seccomp(2), bpf in the kernel's
// Documentation/networking/filter.rst).
//
// The rules about a system call are tried in the order of the profile, and the
// first one whose conditions hold decides; if none does, it is the default action.
// As with other runtimes, two conditions on the same argument are alternatives, and a
// name that this program does not know is passed over: it falls to the default.
//
// System calls of another architecture than ours are not looked up, they end the
// process; those of x32 do not exist. Otherwise there would be two ways to each call,
// under two numbers.
package seccomp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Filter is an assembled profile.
type Filter struct {
	Flags uint   `json:"flags"`
	Code  []byte `json:"code"` // instructions as in struct sock_filter
}

// Assemble makes a filter of a profile, or says what of it cannot be done. It leaves
// nothing out.
func Assemble(profile *specs.LinuxSeccomp) (*Filter, error) {
	if native == 0 {
		return nil, fmt.Errorf("filter system calls: not supported on %s", runtime.GOARCH)
	}
	if profile.ListenerPath != "" || profile.ListenerMetadata != "" {
		return nil, errors.New("filter system calls: the profile asks for a listener, which is not supported")
	}
	if len(profile.Architectures) > 0 && !slices.Contains(profile.Architectures, nativeName) {
		return nil, fmt.Errorf("filter system calls: the profile is not for %s", nativeName)
	}
	flags, err := flagsOf(profile.Flags)
	if err != nil {
		return nil, err
	}
	program, err := assemble(profile)
	if err != nil {
		return nil, fmt.Errorf("filter system calls: %w", err)
	}
	if len(program) > unix.BPF_MAXINSNS {
		return nil, fmt.Errorf("filter system calls: the profile is too long (%d instructions)", len(program))
	}
	filter := &Filter{Flags: flags}
	for _, instruction := range program {
		filter.Code = binary.NativeEndian.AppendUint16(filter.Code, instruction.Code)
		filter.Code = append(filter.Code, instruction.Jt, instruction.Jf)
		filter.Code = binary.NativeEndian.AppendUint32(filter.Code, instruction.K)
	}
	return filter, nil
}

func flagsOf(names []specs.LinuxSeccompFlag) (flags uint, err error) {
	for _, name := range names {
		switch name {
		case specs.LinuxSeccompFlagLog:
			flags |= unix.SECCOMP_FILTER_FLAG_LOG
		case specs.LinuxSeccompFlagSpecAllow:
			flags |= unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
		case "SECCOMP_FILTER_FLAG_TSYNC":
			// The thread that is filtered is the only one that execve leaves.
		default:
			return 0, fmt.Errorf("filter system calls: the flag %s is not supported", name)
		}
	}
	return flags, nil
}

// actionOf is what the kernel does, as it is returned by a filter.
func actionOf(action specs.LinuxSeccompAction, data *uint) (uint32, error) {
	value := uint32(unix.EPERM)
	if data != nil {
		value = uint32(*data)
	}
	switch action {
	case specs.ActAllow:
		return unix.SECCOMP_RET_ALLOW, nil
	case specs.ActErrno:
		return unix.SECCOMP_RET_ERRNO | value&unix.SECCOMP_RET_DATA, nil
	case specs.ActTrace:
		return unix.SECCOMP_RET_TRACE | value&unix.SECCOMP_RET_DATA, nil
	case specs.ActKill, specs.ActKillThread:
		return unix.SECCOMP_RET_KILL_THREAD, nil
	case specs.ActKillProcess:
		return unix.SECCOMP_RET_KILL_PROCESS, nil
	case specs.ActTrap:
		return unix.SECCOMP_RET_TRAP, nil
	case specs.ActLog:
		return unix.SECCOMP_RET_LOG, nil
	default:
		return 0, fmt.Errorf("the action %q is not supported", action)
	}
}

// Install puts the calling thread, and the program that it executes, under the
// filter for good. It needs no_new_privs or CAP_SYS_ADMIN.
func (f *Filter) Install() error {
	return install(f.Flags, f.Code)
}
