package testbed

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed/machine"
)

func TestMain(m *testing.M) { Main(m) }

// inner is a run of one of the tests below, in a test process of its own.
func inner(t *testing.T, name string, environment ...string) Command {
	t.Helper()
	environment = append(environment, "TESTBED_INNER=1")
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TESTBED_") {
			environment = append(environment, variable)
		}
	}
	tests, err := os.Executable()
	require.NoError(t, err)
	// In an IPC namespace of its own: what is planted there goes with it.
	return Command{Path: "unshare", Args: []string{"--ipc", tests, "-test.run=^" + name + "$", "-test.v"}, Env: environment}
}

func TestUnknownRequirementFails(t *testing.T) {
	result := inner(t, "TestInnerUnknown").Run(t)

	require.Equal(t, 1, result.Code, result.Stdout)
	require.Contains(t, result.Stdout, `unknown requirement "Overlya"`)
}

func TestUnknownRequirementInTheEnvironmentFails(t *testing.T) {
	result := inner(t, "TestInnerNothing", "TESTBED_MUST=Root,Overlya").Run(t)

	require.Equal(t, 1, result.Code, result.Stdout)
	require.Contains(t, result.Stdout, `unknown requirement "Overlya"`)
}

func TestMissingRequirementSkipsAndSaysWhy(t *testing.T) {
	if machine.AUFS().OK {
		t.Skip("requires a machine without AUFS")
	}

	result := inner(t, "TestInnerAUFS").Run(t)

	require.Zero(t, result.Code, result.Stdout)
	require.Contains(t, result.Stdout, "--- SKIP: TestInnerAUFS")
	require.Contains(t, result.Stdout, "requires AUFS: ")
}

func TestMissingRequirementFailsWhereItMustBeThere(t *testing.T) {
	if machine.AUFS().OK {
		t.Skip("requires a machine without AUFS")
	}

	result := inner(t, "TestInnerAUFS", "TESTBED_MUST=Root AUFS").Run(t)

	require.Equal(t, 1, result.Code, result.Stdout)
	require.Contains(t, result.Stdout, "TESTBED_MUST insists on it")
}

func TestProcessHasNamespacesOfItsOwn(t *testing.T) {
	Require(t, Root)
	for _, kind := range []string{"mnt", "net"} {
		// The outer process of this test binary is our parent.
		outer, err := os.Readlink("/proc/" + strconv.Itoa(os.Getppid()) + "/ns/" + kind)
		require.NoError(t, err)
		own, err := os.Readlink("/proc/self/ns/" + kind)
		require.NoError(t, err)
		require.NotEqual(t, outer, own)
	}
}

func TestCleanRunLeavesNothing(t *testing.T) {
	Require(t, Root)

	result := inner(t, "TestInnerNothing").Run(t)

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
	// All at once: the audit gives the kernel some seconds before it calls a
	// thing a leak.
	running := make(map[string]*Process)
	for kind := range wanted {
		running[kind] = inner(t, "TestInnerLeaves"+kind).Start(t)
	}
	for kind, want := range wanted {
		result := running[kind].Wait()

		require.Equal(t, 1, result.Code, "%s: %s", kind, result.Stdout)
		require.Contains(t, result.Stdout, "--- PASS", "the test itself passes")
		require.Contains(t, result.Stderr, want)
	}
}

// plant leaves one thing of a kind behind. Its tests run only on demand, in a
// process of their own.
func plant(t *testing.T) {
	t.Helper()
	if os.Getenv("TESTBED_INNER") == "" {
		t.Skip("is run by another test")
	}
}

func TestInnerNothing(t *testing.T) { plant(t); Require(t, Root) }
func TestInnerUnknown(t *testing.T) { plant(t); Require(t, "Overlya") }
func TestInnerAUFS(t *testing.T)    { plant(t); Require(t, AUFS) }

func TestInnerLeavesMount(t *testing.T) {
	plant(t)
	require.NoError(t, unix.Mount("planted", "/mnt", "tmpfs", 0, ""))
}

func TestInnerLeavesLink(t *testing.T) {
	plant(t)
	require.NoError(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "planted"}}))
}

func TestInnerLeavesAddress(t *testing.T) {
	plant(t)
	loopback, err := netlink.LinkByName("lo")
	require.NoError(t, err)
	address, err := netlink.ParseAddr("192.0.2.1/24")
	require.NoError(t, err)
	require.NoError(t, netlink.AddrAdd(loopback, address))
}

func TestInnerLeavesRule(t *testing.T) {
	plant(t)
	connection, err := nftables.New()
	require.NoError(t, err)
	table := connection.AddTable(&nftables.Table{Name: "planted", Family: nftables.TableFamilyIPv4})
	chain := connection.AddChain(&nftables.Chain{Name: "planted", Table: table})
	connection.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}}})
	require.NoError(t, connection.Flush())
}

func TestInnerLeavesCgroup(t *testing.T) {
	plant(t)
	root := strings.TrimPrefix(machine.Controller("pids").Found, "v1 at ")
	path := filepath.Join(strings.TrimPrefix(root, "v2 at "), "mytinydocker-planted-"+strconv.Itoa(os.Getpid()))
	require.NoError(t, os.Mkdir(path, 0o755))
	// Nothing else takes it away; the audit is done when we end.
	remove := exec.Command("sh", "-c", `tail --pid="$1" -f /dev/null; rmdir "$2"`, "sh", strconv.Itoa(os.Getpid()), path)
	remove.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	require.NoError(t, remove.Start())
}

func TestInnerLeavesProcess(t *testing.T) {
	plant(t)
	orphan := exec.Command("sh", "-c", "sleep 30 &")
	require.NoError(t, orphan.Run())
}

func TestInnerLeavesFile(t *testing.T) {
	plant(t)
	_, err := unix.Open("/etc/passwd", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
}

func TestInnerLeavesQueue(t *testing.T) {
	plant(t)
	_, _, errno := unix.Syscall(unix.SYS_MSGGET, unix.IPC_PRIVATE, unix.IPC_CREAT|0o600, 0)
	require.Zero(t, errno)
}
