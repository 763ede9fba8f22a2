package testbed

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed/machine"
)

func TestMain(m *testing.M) { Main(m) }

// inner is a run of one of the inner tests below, in a test process of its own.
// As a benchmark it is not run with the tests.
func inner(t *testing.T, name string, environment ...string) Command {
	t.Helper()
	environment = append(environment, "TESTBED_INNER="+name)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TESTBED_") {
			environment = append(environment, variable)
		}
	}
	tests, err := os.Executable()
	require.NoError(t, err)
	return Command{Path: tests, Args: []string{"-test.v", "-test.run=^$", "-test.bench=^BenchmarkInner$", "-test.benchtime=1x"}, Env: environment}
}

func TestCleanRunLeavesNothing(t *testing.T) {
	Require(t, Root)

	result := inner(t, "Nothing").Run(t)

	require.Zero(t, result.Code, result.Stdout+result.Stderr)
	require.Empty(t, result.Stderr)
}

func TestEachKindOfLeakIsReported(t *testing.T) {
	Require(t, Root, NFTables, CgroupPids)
	wanted := map[string]string{
		"Mount":   "left behind: mount: planted (tmpfs) on ",
		"Link":    "left behind: link: planted (bridge)",
		"Address": "left behind: address: 192.0.2.1/24 of interface ",
		"Rule":    "left behind: rule: number ",
		"Cgroup":  "left behind: cgroup: ",
		"Process": "left behind: process: ",
		"File":    "left behind: file: descriptor ",
		"Queue":   "left behind: System V IPC: msg ",
	}
	cgroup := "mytinydocker-" + Name(t)
	t.Cleanup(func() { require.NoError(t, os.Remove(filepath.Join(pidsRoot(), cgroup))) })
	// All at once: the audit gives the kernel some seconds before it calls a
	// thing a leak.
	running := make(map[string]*Process)
	for kind := range wanted {
		running[kind] = inner(t, kind, "TESTBED_CGROUP="+cgroup).Start(t)
	}
	for kind, want := range wanted {
		result := running[kind].Wait()

		require.Equal(t, 1, result.Code, "%s: %s", kind, result.Stdout)
		require.Contains(t, result.Stdout, "\nPASS\n", "the test itself passes")
		require.Contains(t, result.Stderr, want)
	}
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
	"Mount": leaveMount, "Link": leaveLink, "Address": leaveAddress, "Rule": leaveRule,
	"Cgroup": leaveCgroup, "Process": leaveProcess, "File": leaveFile, "Queue": leaveQueue,
}

func leaveMount(t testing.TB) {
	require.NoError(t, unix.Mount("planted", "/mnt", "tmpfs", 0, ""))
}

func leaveLink(t testing.TB) {
	require.NoError(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "planted"}}))
}

func leaveAddress(t testing.TB) {
	loopback, err := netlink.LinkByName("lo")
	require.NoError(t, err)
	address, err := netlink.ParseAddr("192.0.2.1/24")
	require.NoError(t, err)
	require.NoError(t, netlink.AddrAdd(loopback, address))
}

func leaveRule(t testing.TB) {
	connection, err := nftables.New()
	require.NoError(t, err)
	table := connection.AddTable(&nftables.Table{Name: "planted", Family: nftables.TableFamilyIPv4})
	chain := connection.AddChain(&nftables.Chain{Name: "planted", Table: table})
	connection.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}}})
	require.NoError(t, connection.Flush())
}

func leaveCgroup(t testing.TB) {
	require.NoError(t, os.Mkdir(filepath.Join(pidsRoot(), os.Getenv("TESTBED_CGROUP")), 0o755))
}

func pidsRoot() string {
	_, mountpoint, _ := strings.Cut(machine.Controller("pids").Found, " at ")
	return mountpoint
}

func leaveProcess(t testing.TB) {
	orphan := exec.Command("sh", "-c", "sleep 30 &")
	require.NoError(t, orphan.Run())
}

func leaveFile(t testing.TB) {
	_, err := unix.Open("/etc/passwd", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
}

func leaveQueue(t testing.TB) {
	_, _, errno := unix.Syscall(unix.SYS_MSGGET, unix.IPC_PRIVATE, unix.IPC_CREAT|0o600, 0)
	require.Zero(t, errno)
}
