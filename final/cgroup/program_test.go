package cgroup

import (
	"fmt"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// runProgram does what the kernel does with a device program: the context is three
// words, register 1 points to it, and register 0 is the answer.
func runProgram(t testing.TB, program []instruction, context [3]uint32) bool {
	t.Helper()
	var registers [11]uint64
	for at, steps := 0, 0; at < len(program); at, steps = at+1, steps+1 {
		require.Less(t, steps, len(program), "a program only goes forward")
		now := program[at]
		target, source := &registers[now.registers&15], registers[now.registers>>4]
		switch now.code {
		case unix.BPF_LDX | unix.BPF_W | unix.BPF_MEM:
			*target = uint64(context[now.offset/4])
		case unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_K:
			*target = uint64(int64(now.value))
		case unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_X:
			*target = source
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			*target = uint64(uint32(*target) & uint32(now.value))
		case unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K:
			*target = uint64(uint32(*target) >> uint32(now.value))
		case unix.BPF_JMP32 | unix.BPF_JNE | unix.BPF_K:
			if uint32(*target) != uint32(now.value) {
				at += int(now.offset)
			}
		case unix.BPF_JMP32 | unix.BPF_JEQ | unix.BPF_K:
			if uint32(*target) == uint32(now.value) {
				at += int(now.offset)
			}
		case unix.BPF_JMP | unix.BPF_EXIT:
			return registers[0] != 0
		default:
			require.FailNow(t, fmt.Sprintf("unknown instruction %#x", now.code))
		}
	}
	require.FailNow(t, "the program has no end")
	return false
}

const (
	mknodBit, readBit, writeBit = 1, 2, 4
	blockKind, charKind         = 1, 2
)

func TestProgramDecidesAsTheListSays(t *testing.T) {
	list, err := newDeviceList(DefaultDevices())
	require.NoError(t, err)
	program := deviceProgram(list)
	for name, test := range map[string]struct {
		kind, access, major, minor uint32
		want                       bool
	}{
		"null, to read and write": {charKind, readBit | writeBit, 1, 3, true},
		"null, to make":           {charKind, mknodBit, 1, 3, true},
		"a terminal":              {charKind, readBit | writeBit, 136, 7, true},
		"memory":                  {charKind, readBit, 1, 1, false},
		"memory, to make":         {charKind, mknodBit, 1, 1, true},
		"a disk, to make":         {blockKind, mknodBit, 8, 0, true},
		"a disk, to read":         {blockKind, readBit, 8, 0, false},
		"block, numbered as null": {blockKind, readBit, 1, 3, false},
		"to make and read":        {charKind, mknodBit | readBit, 1, 1, false},
		"fuse":                    {charKind, readBit, 10, 229, false},
	} {
		got := runProgram(t, program, [3]uint32{test.access<<16 | test.kind, test.major, test.minor})

		require.Equal(t, test.want, got, name)
	}
}

func TestProgramOfAListThatAllows(t *testing.T) {
	list, err := newDeviceList([]specs.LinuxDeviceCgroup{allow("a", -1, -1, "rwm"), deny("b", 8, -1, "w"), deny("c", -1, 4294967295, "r")})
	require.NoError(t, err)
	program := deviceProgram(list)

	require.True(t, runProgram(t, program, [3]uint32{readBit<<16 | blockKind, 8, 0}))
	require.False(t, runProgram(t, program, [3]uint32{writeBit<<16 | blockKind, 8, 5}))
	require.False(t, runProgram(t, program, [3]uint32{(readBit|writeBit)<<16 | blockKind, 8, 5}), "a part of it is denied")
	require.False(t, runProgram(t, program, [3]uint32{readBit<<16 | charKind, 7, 4294967295}))
	require.True(t, runProgram(t, program, [3]uint32{readBit<<16 | charKind, 7, 4294967294}))
}

// Whatever the rules are, the program ends, and says what the list says.
func FuzzDeviceProgram(f *testing.F) {
	f.Add([]byte{1, 0, 255, 255, 7, 1, 1, 1, 3, 6}, uint32(2), uint32(2), uint32(1), uint32(3))
	f.Fuzz(func(t *testing.T, bytes []byte, kind, access, major, minor uint32) {
		var rules []specs.LinuxDeviceCgroup
		for ; len(bytes) >= 5; bytes = bytes[5:] {
			text := ""
			for bit, letter := range "mrw" {
				if bytes[4]&(1<<bit) != 0 {
					text += string(letter)
				}
			}
			rule := allow(string("abc"[bytes[1]%3]), int64(int8(bytes[2])), int64(int8(bytes[3])), text)
			rule.Allow = bytes[0]&1 == 1
			rules = append(rules, rule)
		}
		list, err := newDeviceList(rules)
		if err != nil {
			return
		}
		kind, access = kind%2+1, access%7+1
		want := list.allow
		for _, one := range list.exceptions {
			matches := one.major.matches(major) && one.minor.matches(minor) && one.kind == "xbc"[kind]
			if matches && (list.allow && access&one.access != 0 || !list.allow && access&^one.access == 0) {
				want = !list.allow
			}
		}
		require.Equal(t, want, runProgram(t, deviceProgram(list), [3]uint32{access<<16 | kind, major, minor}))
	})
}
