package testbed

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { Main(m) }

// inner is a run of one of the inner tests below, in a test process of its own.
// As a benchmark it is not run with the tests.
func inner(t *testing.T, name string, environment ...string) Command {
	t.Helper()
	var inherited []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TESTBED_") {
			inherited = append(inherited, variable)
		}
	}
	environment = append(append(inherited, environment...), "TESTBED_INNER="+name)
	tests, err := os.Executable()
	require.NoError(t, err)
	return Command{Path: tests, Args: []string{"-test.v", "-test.run=^$", "-test.bench=^BenchmarkInner$", "-test.benchtime=1x"}, Env: environment}
}

func BenchmarkInner(b *testing.B) {
	inners[os.Getenv("TESTBED_INNER")](b)
}

// inners are the inner tests: some leave something behind.
var inners = map[string]func(testing.TB){
	"":          func(t testing.TB) { t.Skip("is run by the tests") },
	"Nothing":   func(t testing.TB) { Require(t, Root) },
	"Unknown":   func(t testing.TB) { Require(t, "Overlya") },
	"Missing":   func(t testing.TB) { Require(t, neverThere) },
	"Namespace": printNamespace, "Folder": printFolder, "Hangs": hang, "Dies": die, "Panics": panicElsewhere,
	"Mount": leaveMount, "Twice": leaveSecondMount, "Link": leaveLink, "Address": leaveAddress, "Rule": leaveRule,
	"Table": leaveTable, "IPTables": leaveTableOfIPTables, "Cgroup": leaveCgroup, "Process": leaveProcess,
	"File": leaveFile, "Pidfd": leavePidfd, "Queue": leaveQueue, "Hostname": leaveHostname,
}
