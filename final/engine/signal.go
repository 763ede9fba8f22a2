package engine

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxSignal is the last real-time signal, signal(7).
const maxSignal = 64

// ParseSignal understands a signal as kill(1) does: 9, KILL, SIGKILL or RTMIN+1.
func ParseSignal(text string) (syscall.Signal, error) {
	if number, err := strconv.Atoi(text); err == nil {
		if number < 1 || number > maxSignal {
			return 0, fmt.Errorf("invalid signal %q: 1 to %d", text, maxSignal)
		}
		return syscall.Signal(number), nil
	}
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	if number := unix.SignalNum("SIG" + name); number != 0 {
		return number, nil
	}
	if signal, ok := realTime(name); ok {
		return signal, nil
	}
	return 0, fmt.Errorf("unknown signal %q: a number or a name such as TERM", text)
}

// realTime understands RTMIN, RTMIN+n, RTMAX and RTMAX-n. The first two real-time
// signals are the C library's own.
func realTime(name string) (syscall.Signal, bool) {
	const first, last = 34, maxSignal
	var base int
	var offset string
	switch {
	case strings.HasPrefix(name, "RTMIN"):
		base, offset = first, strings.TrimPrefix(name, "RTMIN")
	case strings.HasPrefix(name, "RTMAX"):
		base, offset = last, strings.TrimPrefix(name, "RTMAX")
	default:
		return 0, false
	}
	distance := 0
	if offset != "" {
		var err error
		if distance, err = strconv.Atoi(offset); err != nil {
			return 0, false
		}
	}
	number := base + distance
	return syscall.Signal(number), number >= first && number <= last
}
