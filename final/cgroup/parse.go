package cgroup

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// The kernel's own texts are parsed as strictly as anybody else's: what is not
// understood is an error, and never a number by chance.

// unlimited is the limit where there is none.
const unlimited = math.MaxUint64

// parseNumber parses a file that holds one number.
func parseNumber(text string) (uint64, error) {
	return parseDigits(strings.TrimSuffix(text, "\n"))
}

// parseDigits parses digits, and nothing but digits.
func parseDigits(digits string) (uint64, error) {
	number, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || strings.Trim(digits, "0123456789") != "" {
		return 0, fmt.Errorf("not a number: %q", digits)
	}
	return number, nil
}

// parseLimit parses a file that holds a limit. Where there is none, version 2 says
// "max", and version 1 a number of bytes that is more than any machine has.
func parseLimit(text string) (uint64, error) {
	if strings.TrimSuffix(text, "\n") == "max" {
		return unlimited, nil
	}
	number, err := parseNumber(text)
	if number >= 1<<62 {
		return unlimited, err
	}
	return number, err
}

// linesOf returns the lines of a text, of which each ends with a newline.
func linesOf(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	content, whole := strings.CutSuffix(text, "\n")
	if !whole {
		return nil, errors.New("the last line has no end")
	}
	return strings.Split(content, "\n"), nil
}

// parseFlat parses a "flat keyed" file (cgroup-v2.rst): lines of a name and a number.
func parseFlat(text string) (map[string]uint64, error) {
	lines, err := linesOf(text)
	if err != nil {
		return nil, err
	}
	values := make(map[string]uint64, len(lines))
	for _, line := range lines {
		name, digits, _ := strings.Cut(line, " ")
		value, err := parseDigits(digits)
		if err != nil || name == "" {
			return nil, fmt.Errorf("not a name and a number: %q", line)
		}
		if _, twice := values[name]; twice {
			return nil, fmt.Errorf("%s is said twice", name)
		}
		values[name] = value
	}
	return values, nil
}

// errForeign is for a process that has no number in our pid namespace: the kernel
// says 0.
var errForeign = errors.New("there are processes that our pid namespace does not see")

// parsePids parses cgroup.procs.
func parsePids(text string) ([]int, error) {
	lines, err := linesOf(text)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, line := range lines {
		pid, err := parseDigits(line)
		switch {
		case err != nil || pid > math.MaxInt32:
			return nil, fmt.Errorf("not the number of a process: %q", line)
		case pid == 0:
			return nil, errForeign
		}
		pids = append(pids, int(pid))
	}
	return pids, nil
}

// mostCPUs is more than the kernel can be built for, of cpus and of memory nodes.
const mostCPUs = 1 << 13

// parseList parses a list of cpus or memory nodes such as 0-2,4 (cpuset(7)). An empty
// one is none.
func parseList(text string) ([]int, error) {
	text = strings.TrimSuffix(text, "\n")
	if text == "" {
		return nil, nil
	}
	var list []int
	for part := range strings.SplitSeq(text, ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		first, err := parseDigits(from)
		last, other := parseDigits(to)
		if err != nil || other != nil || first > last || last >= mostCPUs {
			return nil, fmt.Errorf("not a list such as 0-2,4: %q", text)
		}
		for number := first; number <= last; number++ {
			list = append(list, int(number))
		}
	}
	return list, nil
}

// sum adds without going round.
func sum(a, b uint64) (uint64, error) {
	total, carry := bits.Add64(a, b, 0)
	if carry != 0 {
		return 0, errors.New("the numbers add up to more than there can be")
	}
	return total, nil
}
