package engine

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"mytinydocker/final/cgroup"
)

// Usage is what a container uses of the machine, and has used since it was started.
type Usage struct {
	cgroup.Stats
	Time time.Time
	// Received and Sent are bytes over all its links but the loopback.
	Received, Sent cgroup.Amount
}

// Usage measures a container that runs.
func (e *Engine) Usage(name string) (Usage, error) {
	container, group, err := e.runningGroup(name)
	if err != nil {
		return Usage{}, err
	}
	stats, err := group.Stats()
	if err != nil {
		return Usage{}, e.orEnded(container, fmt.Errorf("measure the container %s: %w", name, err))
	}
	usage := Usage{Stats: stats, Time: time.Now()}
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/dev", container.Pid))
	if err != nil {
		return Usage{}, e.orEnded(container, fmt.Errorf("measure the links of the container %s: %w", name, err))
	}
	usage.Received, usage.Sent, err = parseLinks(content)
	return usage, err
}

// parseLinks adds up what /proc/net/dev says of all links but the loopback
// (proc_pid_net(5)): the first number behind a name is what was received, the ninth
// what was sent.
func parseLinks(content []byte) (received, sent cgroup.Amount, err error) {
	received.Known, sent.Known = true, true
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		name, counters, isLink := strings.Cut(lines.Text(), ":")
		if !isLink || strings.TrimSpace(name) == "lo" {
			continue
		}
		fields := strings.Fields(counters)
		if len(fields) < 9 {
			return received, sent, fmt.Errorf("read /proc/net/dev: %d numbers for %s", len(fields), name)
		}
		for index, amount := range map[int]*cgroup.Amount{0: &received, 8: &sent} {
			bytes, err := strconv.ParseUint(fields[index], 10, 64)
			if err != nil {
				return received, sent, fmt.Errorf("read /proc/net/dev: %w", err)
			}
			amount.Value += bytes
		}
	}
	return received, sent, lines.Err()
}

// CPUShare returns how much of a CPU a container has used between two measurements,
// in percent of one.
func CPUShare(before, after Usage) float64 {
	if !before.CPU.Known || !after.CPU.Known || after.SystemCPU.Value <= before.SystemCPU.Value {
		return 0
	}
	used := float64(after.CPU.Value - min(before.CPU.Value, after.CPU.Value))
	return used / float64(after.SystemCPU.Value-before.SystemCPU.Value) * float64(after.CPUs) * 100
}
