package cgroup

import (
	"errors"
	"fmt"
	"strings"
)

// parseBlkio adds up the bytes of all devices in a file of version 1's blkio. Its
// lines are "8:0 Read 4096", and in the end "Total 4096".
func parseBlkio(text string) (read, write uint64, err error) {
	lines, err := linesOf(text)
	if err != nil {
		return 0, 0, err
	}
	for _, line := range lines {
		fields := strings.Split(line, " ")
		value, err := parseDigits(fields[len(fields)-1])
		total := len(fields) == 2 && fields[0] == "Total"
		if err != nil || !total && (len(fields) != 3 || !isDevice(fields[0])) {
			return 0, 0, fmt.Errorf("not a device, an operation and a number: %q", line)
		}
		switch fields[len(fields)-2] {
		case "Read":
			read, err = sum(read, value)
		case "Write":
			write, err = sum(write, value)
		}
		if err != nil {
			return 0, 0, err
		}
	}
	return read, write, nil
}

// parseIOStat adds up the bytes of all devices in io.stat. Its lines are
// "8:0 rbytes=4096 wbytes=0 rios=1 ..."; a device that nobody has used may have
// nothing after it.
func parseIOStat(text string) (read, write uint64, err error) {
	lines, err := linesOf(text)
	if err != nil {
		return 0, 0, err
	}
	for _, line := range lines {
		fields := strings.Fields(line)
		if len(fields) == 0 || !isDevice(fields[0]) {
			return 0, 0, fmt.Errorf("not a device and its numbers: %q", line)
		}
		for _, field := range fields[1:] {
			name, digits, pair := strings.Cut(field, "=")
			if !pair {
				return 0, 0, fmt.Errorf("not a name and a number: %q", field)
			}
			switch name {
			case "rbytes":
				read, err = addDigits(read, digits)
			case "wbytes":
				write, err = addDigits(write, digits)
			}
			if err != nil {
				return 0, 0, err
			}
		}
	}
	return read, write, nil
}

func addDigits(total uint64, digits string) (uint64, error) {
	value, err := parseDigits(digits)
	if err != nil {
		return 0, err
	}
	return sum(total, value)
}

// isDevice reports whether text is the number of a device, such as 8:0. The kernel
// has no number for one that has just been taken out.
func isDevice(text string) bool {
	major, minor, pair := strings.Cut(text, ":")
	_, err := parseDigits(major)
	_, other := parseDigits(minor)
	return text == "(unknown)" || pair && err == nil && other == nil
}

// parseSystem parses what /proc/stat says of the whole machine (proc_stat(5)): the
// time of all its cpus since the boot, idle or not, in ticks, and how many there are.
func parseSystem(text string) (ticks uint64, cpus int, err error) {
	first, rest, _ := strings.Cut(text, "\n")
	fields := strings.Fields(first)
	// user nice system idle iowait irq softirq steal; what a guest uses is in
	// user and nice already.
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0, fmt.Errorf("not the time of the cpus: %q", first)
	}
	for _, digits := range fields[1:9] {
		if ticks, err = addDigits(ticks, digits); err != nil {
			return 0, 0, err
		}
	}
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "cpu") {
			cpus++
		}
	}
	return ticks, cpus, nil
}

// parseMemTotal returns the bytes of memory that the machine has, of which
// /proc/meminfo tells (proc_meminfo(5)).
func parseMemTotal(text string) (uint64, error) {
	for line := range strings.Lines(text) {
		rest, found := strings.CutPrefix(line, "MemTotal:")
		if !found {
			continue
		}
		kilobytes, err := parseDigits(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
		if err != nil || kilobytes > 1<<53 {
			return 0, fmt.Errorf("not an amount of memory: %q", line)
		}
		return kilobytes << 10, nil
	}
	return 0, errors.New("/proc/meminfo does not tell how much memory there is")
}
