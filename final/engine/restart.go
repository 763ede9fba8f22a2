package engine

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// When a container is started again that has ended by itself.
const (
	RestartNever         = "no"
	RestartOnFailure     = "on-failure"
	RestartAlways        = "always"
	RestartUnlessStopped = "unless-stopped"
)

// ParseRestart understands no, on-failure, on-failure:COUNT, always and
// unless-stopped.
func ParseRestart(text string) (Restart, error) {
	policy, count, counted := strings.Cut(text, ":")
	switch policy {
	case RestartNever, RestartAlways, RestartUnlessStopped:
		if counted {
			return Restart{}, fmt.Errorf("invalid restart policy %q: only on-failure takes a count", text)
		}
		return Restart{Policy: policy}, nil
	case RestartOnFailure:
		if !counted {
			return Restart{Policy: policy}, nil
		}
		limit, err := strconv.Atoi(count)
		if err != nil || limit < 0 {
			return Restart{}, fmt.Errorf("invalid restart policy %q: the count is a number, as in on-failure:3", text)
		}
		return Restart{Policy: policy, Max: limit}, nil
	default:
		return Restart{}, fmt.Errorf("unknown restart policy %q: no, on-failure[:COUNT], always or unless-stopped", text)
	}
}

// again reports whether a container that has ended is to be started again.
func (r Restart) again(exit *Exit, count int) bool {
	switch r.Policy {
	case RestartAlways, RestartUnlessStopped:
		return true
	case RestartOnFailure:
		return exit.Status != 0 && (r.Max == 0 || count < r.Max)
	default:
		return false
	}
}

// The pauses between restarts, as Docker has them: a program that ends at once must
// not keep the machine busy.
const (
	firstPause  = 100 * time.Millisecond
	longestWait = time.Minute
	settled     = 10 * time.Second // a run this long is no failure to start
)

// pauseAfter returns the pause that follows a run of the given length, after last,
// the pause before it.
func pauseAfter(last, ran time.Duration) time.Duration {
	if last == 0 || ran >= settled {
		return firstPause
	}
	return min(2*last, longestWait)
}

// stoppedAfter reports whether somebody has stopped the container while it was being
// started again, after its last run. It has then ended as it did in that.
func (w *watcher) stoppedAfter(last *Exit) bool {
	if last == nil {
		return false
	}
	record, err := w.engine.readRecord(w.record.ID)
	if err != nil || !record.Stopped {
		return false
	}
	return w.update(func(record *Record) { record.Exit = last }) == nil
}
