package runtime

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// resources are the limits of getrlimit(2) by their names.
var resources = map[string]int{
	"RLIMIT_AS": unix.RLIMIT_AS, "RLIMIT_CORE": unix.RLIMIT_CORE, "RLIMIT_CPU": unix.RLIMIT_CPU,
	"RLIMIT_DATA": unix.RLIMIT_DATA, "RLIMIT_FSIZE": unix.RLIMIT_FSIZE, "RLIMIT_LOCKS": unix.RLIMIT_LOCKS,
	"RLIMIT_MEMLOCK": unix.RLIMIT_MEMLOCK, "RLIMIT_MSGQUEUE": unix.RLIMIT_MSGQUEUE, "RLIMIT_NICE": unix.RLIMIT_NICE,
	"RLIMIT_NOFILE": unix.RLIMIT_NOFILE, "RLIMIT_NPROC": unix.RLIMIT_NPROC, "RLIMIT_RSS": unix.RLIMIT_RSS,
	"RLIMIT_RTPRIO": unix.RLIMIT_RTPRIO, "RLIMIT_RTTIME": unix.RLIMIT_RTTIME,
	"RLIMIT_SIGPENDING": unix.RLIMIT_SIGPENDING, "RLIMIT_STACK": unix.RLIMIT_STACK,
}

func validateLimits(limits []specs.POSIXRlimit) error {
	seen := make(map[string]bool)
	for _, limit := range limits {
		if _, known := resources[limit.Type]; !known || seen[limit.Type] || limit.Soft > limit.Hard {
			return fmt.Errorf("the specification has a resource limit that is unknown, there twice, or whose soft value is above the hard one: %s=%d:%d", limit.Type, limit.Soft, limit.Hard)
		}
		seen[limit.Type] = true
	}
	return nil
}

// setLimits limits this process. Only who has CAP_SYS_RESOURCE can raise a hard
// limit, so it is done before that is given up.
func setLimits(limits []specs.POSIXRlimit, log explain.Log) error {
	for _, limit := range limits {
		name := strings.ToLower(strings.TrimPrefix(limit.Type, "RLIMIT_"))
		log.Run(explain.Beyond, "prlimit", fmt.Sprintf("--%s=%d:%d", name, limit.Soft, limit.Hard), "--pid", strconv.Itoa(os.Getpid()))
		value := &unix.Rlimit{Cur: limit.Soft, Max: limit.Hard}
		if err := unix.Prlimit(0, resources[limit.Type], value, nil); err != nil {
			return fmt.Errorf("set the limit %s to %d:%d: %w", name, limit.Soft, limit.Hard, err)
		}
	}
	return nil
}

// setOOMScore says how likely the kernel ends a process when memory runs out, and
// those that it starts. It is written in the host's /proc, by the parent: what a
// container has there might be something else.
func setOOMScore(pid int, process *specs.Process, log explain.Log) error {
	if process.OOMScoreAdj == nil {
		return nil
	}
	score, path := strconv.Itoa(*process.OOMScoreAdj), fmt.Sprintf("/proc/%d/oom_score_adj", pid)
	log.Write(explain.Beyond, score, path)
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		defer file.Close()
		_, err = file.WriteString(score)
	}
	if err != nil {
		return fmt.Errorf("set the OOM score of the container to %s: %w", score, err)
	}
	return nil
}
