package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"
)

// Limits are what a container may use. What is zero is not limited.
type Limits struct {
	Memory    int64   // bytes, of memory and swap together
	CPUs      float64 // cpu time per time
	CPUShares uint64  // weight against others, when all want the cpu; 1024 is usual
	CPUSet    string  // cpus that it may run on, such as 0-2,4
	Pids      int64   // processes and threads
}

func limitFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "memory", Aliases: []string{"m"}, Usage: "at most so many `BYTES` of memory, such as 64m or 1g"},
		&cli.StringFlag{Name: "cpus", Usage: "at most so many `CPUS`, such as 0.5"},
		&cli.StringFlag{Name: "cpu-shares", Usage: "`WEIGHT` against other containers; 1024 is usual"},
		&cli.StringFlag{Name: "cpuset-cpus", Usage: "run on these `CPUS` only, such as 0-1,3"},
		&cli.StringFlag{Name: "pids-limit", Usage: "at most so many processes and threads (`NUMBER`)"},
	}
}

// limitsOf parses the flags and refuses limits that cannot be kept, before
// anything has started.
func limitsOf(cmd *cli.Command) (Limits, error) {
	var limits Limits
	var err error
	for _, flag := range []struct {
		name  string
		parse func(text string) error
	}{
		{"memory", func(text string) error { limits.Memory, err = parseBytes(text); return err }},
		{"cpus", func(text string) error { limits.CPUs, err = parseCPUs(text); return err }},
		{"cpu-shares", func(text string) error { limits.CPUShares, err = parseShares(text); return err }},
		{"cpuset-cpus", func(text string) error { limits.CPUSet = text; return checkCPUSet(text) }},
		{"pids-limit", func(text string) error { limits.Pids, err = parsePids(text); return err }},
	} {
		if !cmd.IsSet(flag.name) {
			continue
		}
		if err := flag.parse(cmd.String(flag.name)); err != nil {
			return Limits{}, fmt.Errorf("--%s %q: %w", flag.name, cmd.String(flag.name), err)
		}
	}
	return limits, nil
}

var sizeFormat = regexp.MustCompile(`^([0-9]+)(?:([kmgt])i?)?b?$`)

// parseBytes parses a size such as 4096, 64k, 64m or 1g; a unit is a power of
// 1024, and may be followed by b or ib.
func parseBytes(text string) (int64, error) {
	parts := sizeFormat.FindStringSubmatch(strings.ToLower(text))
	if parts == nil {
		return 0, errors.New("give a size such as 64m or 1g")
	}
	shift := 10 * strings.Index(" kmgt", parts[2])
	size, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || size == 0 || size > 1<<(62-shift) {
		return 0, errors.New("give a size such as 64m or 1g")
	}
	return size << shift, nil
}

// parseCPUs parses a number of cpus: at least a hundredth of one, the kernel's
// least, and no more than there are.
func parseCPUs(text string) (float64, error) {
	cpus, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, errors.New("give a number such as 0.5")
	}
	online, err := onlineCPUs()
	if err != nil {
		return 0, err
	}
	if !(cpus >= 0.01 && cpus <= float64(len(online))) {
		return 0, fmt.Errorf("give a number from 0.01 to %d, as many cpus as there are", len(online))
	}
	return cpus, nil
}

func parseShares(text string) (uint64, error) {
	shares, err := strconv.ParseUint(text, 10, 64)
	if err != nil || shares < 2 || shares > 262144 {
		return 0, errors.New("give a whole number from 2 to 262144")
	}
	return shares, nil
}

func parsePids(text string) (int64, error) {
	pids, err := strconv.ParseInt(text, 10, 64)
	if err != nil || pids < 1 {
		return 0, errors.New("give a whole number, 1 or more")
	}
	return pids, nil
}

func checkCPUSet(text string) error {
	wanted, err := parseCPUList(text)
	if err != nil {
		return err
	}
	online, err := onlineCPUs()
	if err != nil {
		return err
	}
	for _, cpu := range wanted {
		if !slices.Contains(online, cpu) {
			return fmt.Errorf("there is no cpu %d", cpu)
		}
	}
	return nil
}

func onlineCPUs() ([]int, error) {
	content, err := os.ReadFile("/sys/devices/system/cpu/online")
	if err != nil {
		return nil, fmt.Errorf("ask which cpus there are: %w", err)
	}
	return parseCPUList(string(content))
}

// parseCPUList parses a list in the kernel's format: 0-2,4 (cpuset(7)).
func parseCPUList(text string) ([]int, error) {
	var cpus []int
	for _, part := range strings.Split(strings.TrimSpace(text), ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		first, err := strconv.ParseUint(from, 10, 12)
		last, other := strconv.ParseUint(to, 10, 12)
		if err != nil || other != nil || first > last {
			return nil, errors.New("give a list such as 0-2,4")
		}
		for cpu := first; cpu <= last; cpu++ {
			cpus = append(cpus, int(cpu))
		}
	}
	return cpus, nil
}
