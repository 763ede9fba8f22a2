package seccomp

import (
	"fmt"
	"math"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Where a filter finds what (struct seccomp_data, seccomp(2)).
const (
	offsetNumber       = 0
	offsetArchitecture = 4
	offsetArguments    = 16
)

type program = []unix.SockFilter

func statement(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

func jump(code uint16, k uint32, yes, no int) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | code | unix.BPF_K, K: k, Jt: uint8(yes), Jf: uint8(no)}
}

func load(offset uint32) unix.SockFilter {
	return statement(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offset)
}

func end(action uint32) program { return program{statement(unix.BPF_RET|unix.BPF_K, action)} }

// span are consecutive system calls about which the same is decided, from the number
// first on.
type span struct {
	first uint32
	code  program // what decides; it ends in every case
}

func assemble(profile *specs.LinuxSeccomp) (program, error) {
	otherwise, err := actionOf(profile.DefaultAction, profile.DefaultErrnoRet)
	if err != nil {
		return nil, err
	}
	rules, err := rulesOf(profile)
	if err != nil {
		return nil, err
	}
	whole := program{
		load(offsetArchitecture), jump(unix.BPF_JEQ, native, 1, 0), end(unix.SECCOMP_RET_KILL_PROCESS)[0],
		load(offsetNumber),
	}
	if foreign != 0 {
		whole = append(whole, jump(unix.BPF_JGE, foreign, 0, 1), end(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS))[0])
	}
	return append(whole, search(spansOf(rules, otherwise))...), nil
}

// spansOf puts together what is decided alike of one number after the other. Behind the
// last of them it is the default.
func spansOf(rules [][]rule, otherwise uint32) []span {
	var spans []span
	for number, rules := range append(rules, nil) {
		code := decide(rules, otherwise)
		if previous := len(spans) - 1; previous >= 0 && len(code) == 1 && len(spans[previous].code) == 1 && spans[previous].code[0] == code[0] {
			continue
		}
		spans = append(spans, span{uint32(number), code})
	}
	return spans
}

// search finds the span of the number by halves: seven comparisons instead of some
// hundred.
func search(spans []span) program {
	if len(spans) == 1 {
		return spans[0].code
	}
	middle := len(spans) / 2
	low, high := search(spans[:middle]), search(spans[middle:])
	code := program{jump(unix.BPF_JGE, spans[middle].first, len(low), 0)}
	if len(low) > math.MaxUint8 {
		code = program{jump(unix.BPF_JGE, spans[middle].first, 0, 1), statement(unix.BPF_JMP|unix.BPF_JA, uint32(len(low)))}
	}
	return append(append(code, low...), high...)
}

// rule is what a profile says about one system call, if all conditions hold.
type rule struct {
	conditions []specs.LinuxSeccompArg
	action     uint32
}

// rulesOf returns the rules about each system call, at its number.
func rulesOf(profile *specs.LinuxSeccomp) ([][]rule, error) {
	var rules [][]rule
	for _, entry := range profile.Syscalls {
		action, err := actionOf(entry.Action, entry.ErrnoRet)
		if err != nil {
			return nil, err
		}
		for _, argument := range entry.Args {
			if argument.Index > 5 {
				return nil, fmt.Errorf("a system call has no argument %d", argument.Index)
			}
			if _, known := comparisons[argument.Op]; !known {
				return nil, fmt.Errorf("the comparison %q is not supported", argument.Op)
			}
		}
		var own []rule
		for _, conditions := range alternatives(entry.Args) {
			own = append(own, rule{conditions, action})
		}
		for _, name := range entry.Names {
			number, known := numbers()[name]
			if !known {
				continue
			}
			rules = append(rules, make([][]rule, max(0, number+1-len(rules)))...)
			if rules[number] == nil {
				rules[number] = slices.Clip(own) // most have no others, and share them
				continue
			}
			rules[number] = append(rules[number], own...)
		}
	}
	return rules, nil
}

// alternatives are the conditions of which one list must hold as a whole: all of
// them, or each by itself if two are about the same argument.
func alternatives(conditions []specs.LinuxSeccompArg) [][]specs.LinuxSeccompArg {
	seen := make(map[uint]bool)
	for _, condition := range conditions {
		if seen[condition.Index] {
			var each [][]specs.LinuxSeccompArg
			for _, one := range conditions {
				each = append(each, []specs.LinuxSeccompArg{one})
			}
			return each
		}
		seen[condition.Index] = true
	}
	return [][]specs.LinuxSeccompArg{conditions}
}
