package cgroup

import "golang.org/x/sys/unix"

// Version 2 has no files for devices: a program of ours decides, which the kernel
// calls for every access (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE). Its few instructions
// are put together here, by hand: a library for that would weigh more than all the
// rest of a container's start.

// instruction is one of the kernel's struct bpf_insn, on a little-endian machine. On
// another one the kernel would refuse the program.
type instruction struct {
	code      uint8
	registers uint8 // the target in the low half, the source in the high one
	offset    int16
	value     int32
}

// The registers of the program. The kernel passes a pointer to struct
// bpf_cgroup_dev_ctx in the first, and takes the answer from the one before it.
const (
	answer = iota
	context
	kind
	access
	major
	minor
	scratch
)

// deviceProgram decides as a list says. It is what this would be in C:
//
//	if (kind == 'c' && (access & ~0x6) == 0 && major == 1 && minor == 3) return 1;
//	...
//	return 0;
func deviceProgram(list *deviceList) []instruction {
	program := []instruction{
		load(access, 0), // kind in the low half of the word, access in the high one
		move(kind, access),
		{code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, registers: kind, value: 0xffff},
		{code: unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K, registers: access, value: 16},
		load(major, 4),
		load(minor, 8),
	}
	for _, exception := range list.exceptions {
		program = append(program, exceptionProgram(exception, list.allow)...)
	}
	return append(program, set(answer, list.allow), instruction{code: unix.BPF_JMP | unix.BPF_EXIT})
}

// exceptionProgram answers if an exception holds, and else goes on after itself. From
// a list that allows, it holds if any of the accesses is denied; from one that
// denies, only if all of them are allowed.
func exceptionProgram(exception device, allow bool) []instruction {
	kinds := map[byte]int32{'b': unix.BPF_DEVCG_DEV_BLOCK, 'c': unix.BPF_DEVCG_DEV_CHAR}
	program := []instruction{unless(unix.BPF_JNE, kind, kinds[exception.kind]), move(scratch, access)}
	mask, jump := ^exception.access, uint8(unix.BPF_JNE)
	if allow {
		mask, jump = exception.access, unix.BPF_JEQ
	}
	program = append(program,
		instruction{code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, registers: scratch, value: int32(mask)},
		unless(jump, scratch, 0))
	if !exception.major.all {
		program = append(program, unless(unix.BPF_JNE, major, int32(exception.major.number)))
	}
	if !exception.minor.all {
		program = append(program, unless(unix.BPF_JNE, minor, int32(exception.minor.number)))
	}
	program = append(program, set(answer, !allow), instruction{code: unix.BPF_JMP | unix.BPF_EXIT})
	for index := range program {
		if program[index].code&7 == unix.BPF_JMP32 {
			program[index].offset = int16(len(program) - index - 1)
		}
	}
	return program
}

// load reads a word of the context.
func load(register uint8, offset int16) instruction {
	return instruction{code: unix.BPF_LDX | unix.BPF_W | unix.BPF_MEM, registers: context<<4 | register, offset: offset}
}

func move(to, from uint8) instruction {
	return instruction{code: unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_X, registers: from<<4 | to}
}

func set(register uint8, value bool) instruction {
	made := instruction{code: unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_K, registers: register}
	if value {
		made.value = 1
	}
	return made
}

// unless leaves an exception if a comparison with a number holds (Linux 5.1, for the
// 32 bits of it).
func unless(jump, register uint8, value int32) instruction {
	return instruction{code: unix.BPF_JMP32 | jump | unix.BPF_K, registers: register, value: value}
}
