package seccomp

import (
	"encoding/binary"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// decide tries rules in their order, and then does what is to be done otherwise.
func decide(rules []rule, otherwise uint32) program {
	code := end(otherwise)
	for _, rule := range slices.Backward(rules) {
		if len(rule.conditions) == 0 {
			code = end(rule.action)
			continue
		}
		// From the last one to the first: each jumps over what comes after it.
		holds := end(rule.action)
		for _, condition := range slices.Backward(rule.conditions) {
			holds = append(compare(condition, len(holds)), holds...)
		}
		code = append(holds, code...)
	}
	return code
}

// comparisons are the ways to compare a half of an argument after the other. The
// machine has 32 bits, an argument 64: high and low are the halves of the value, and
// fail is how far it is to the next rule from the end of the comparison.
var comparisons = map[specs.LinuxSeccompOperator]func(high, low uint32, fail int) (ofHigh, ofLow program){
	specs.OpEqualTo: func(high, low uint32, fail int) (program, program) {
		return program{jump(unix.BPF_JEQ, high, 0, fail+2)}, program{jump(unix.BPF_JEQ, low, 0, fail)}
	},
	specs.OpNotEqual: func(high, low uint32, fail int) (program, program) {
		return program{jump(unix.BPF_JEQ, high, 0, 2)}, program{jump(unix.BPF_JEQ, low, fail, 0)}
	},
	specs.OpGreaterThan: func(high, low uint32, fail int) (program, program) {
		return program{jump(unix.BPF_JGT, high, 3, 0), jump(unix.BPF_JEQ, high, 0, fail+2)}, program{jump(unix.BPF_JGT, low, 0, fail)}
	},
	specs.OpGreaterEqual: func(high, low uint32, fail int) (program, program) {
		return program{jump(unix.BPF_JGT, high, 3, 0), jump(unix.BPF_JEQ, high, 0, fail+2)}, program{jump(unix.BPF_JGE, low, 0, fail)}
	},
	specs.OpLessThan: func(high, low uint32, fail int) (program, program) {
		return program{jump(unix.BPF_JGT, high, fail+3, 0), jump(unix.BPF_JEQ, high, 0, 2)}, program{jump(unix.BPF_JGE, low, fail, 0)}
	},
	specs.OpLessEqual: func(high, low uint32, fail int) (program, program) {
		return program{jump(unix.BPF_JGT, high, fail+3, 0), jump(unix.BPF_JEQ, high, 0, 2)}, program{jump(unix.BPF_JGT, low, fail, 0)}
	},
	specs.OpMaskedEqual: nil, // has two values, see compare
}

// compare goes on behind itself if a condition holds, and otherwise fail instructions
// further.
func compare(condition specs.LinuxSeccompArg, fail int) program {
	highOffset, lowOffset := halves(condition.Index)
	if condition.Op == specs.OpMaskedEqual {
		mask, value := condition.Value, condition.ValueTwo
		return program{
			load(highOffset), statement(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, uint32(mask>>32)),
			jump(unix.BPF_JEQ, uint32(value>>32), 0, fail+3),
			load(lowOffset), statement(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, uint32(mask)),
			jump(unix.BPF_JEQ, uint32(value), 0, fail),
		}
	}
	ofHigh, ofLow := comparisons[condition.Op](uint32(condition.Value>>32), uint32(condition.Value), fail)
	return slices.Concat(program{load(highOffset)}, ofHigh, program{load(lowOffset)}, ofLow)
}

// halves are where the halves of an argument are.
func halves(index uint) (high, low uint32) {
	first := uint32(offsetArguments + 8*index)
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return first + 4, first
	}
	return first, first + 4
}
