package testbed

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// patient makes a usual deadline longer where TESTBED_PATIENCE says by how many times:
// an emulated machine is slow, and more so on a busy one.
func patient(usual time.Duration) time.Duration {
	times, err := strconv.Atoi(os.Getenv("TESTBED_PATIENCE"))
	if err != nil || times < 1 {
		return usual
	}
	return time.Duration(times) * usual
}

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
