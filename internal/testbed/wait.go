package testbed

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// patience is how many times as long as on a usual machine things may take on this one,
// as TESTBED_PATIENCE says: an emulated machine is slow, and more so on a busy one.
func patience() int {
	times, err := strconv.Atoi(os.Getenv("TESTBED_PATIENCE"))
	if err != nil {
		return 1
	}
	return max(1, times)
}

// patient makes a usual deadline longer for a slow machine.
func patient(usual time.Duration) time.Duration { return time.Duration(patience()) * usual }

// Few returns how many of many things, two at least, this machine does at once, or one
// after the other, in the time that a usual one takes for all of them. What is given up
// after some time by the program under test does not know of slow machines.
func Few(many int) int { return max(2, many/patience()) }

// Eventually waits until condition holds, and fails the test, saying that what
// did not happen, if it does not within ten seconds.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	if limit := patient(10 * time.Second); !eventually(limit, condition) {
		t.Fatalf("waited %v for %s", limit, what)
	}
}

// eventually reports whether condition came to hold within limit. It looks
// again after 1 ms, and then after ever longer times up to 50 ms.
func eventually(limit time.Duration, condition func() bool) bool {
	end := time.Now().Add(limit)
	for pause := time.Millisecond; !condition(); pause = min(2*pause, 50*time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
		<-time.After(pause)
	}
	return true
}
