package testbed

import (
	"testing"
	"time"
)

// Eventually waits until condition holds, and fails the test, saying that what
// did not happen, if it does not within ten seconds.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	if !eventually(10*time.Second, condition) {
		t.Fatalf("waited ten seconds for %s", what)
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
