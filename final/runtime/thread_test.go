package runtime

import (
	goruntime "runtime"
	"strings"
	"testing"
)

// lockThread keeps the test on its thread, which ends with it: a thread that has
// left its namespaces is not to be used again.
func lockThread(t testing.TB) {
	t.Helper()
	goruntime.LockOSThread()
}

func cut(option string) (kind, value string, ok bool) { return strings.Cut(option, "=") }
