package testbed

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed/machine"
)

func TestCleanRunLeavesNothing(t *testing.T) {
	Require(t, Root)

	result := inner(t, "Nothing").Run(t)

	require.Zero(t, result.Code, result.Stdout+result.Stderr)
	require.Empty(t, result.Stderr)
}

func TestEachKindOfLeakIsReported(t *testing.T) {
	Require(t, Root, NFTables, CgroupPids)
	wanted := map[string]string{
		"Mount":    "left behind: mount: planted (tmpfs) on /mnt ",
		"Twice":    "left behind: mount: proc (proc) on /proc ",
		"Link":     "left behind: link: planted (bridge) ",
		"Address":  "left behind: address: 192.0.2.1/24 of lo ",
		"Rule":     "left behind: rule: in chain planted of table ip planted, handle ",
		"Table":    "left behind: table: ip planted ",
		"Cgroup":   "left behind: cgroup: ",
		"Process":  `left behind: process: `,
		"File":     "left behind: file: descriptor ",
		"Pidfd":    "left behind: file: descriptor ",
		"Queue":    "left behind: System V IPC: msg ",
		"Hostname": "left behind: host name: planted ",
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
		for _, line := range strings.Split(strings.TrimSpace(result.Stderr), "\n") {
			require.Regexp(t, `^testbed: left behind: .* \(see: .+\)$`, line)
		}
	}
}

// iptables leaves its tables and their base chains behind, empty.
func TestTablesOfIPTablesAreNoLeak(t *testing.T) {
	Require(t, Root, NFTables)

	result := inner(t, "IPTables").Run(t)

	require.Zero(t, result.Code, result.Stderr)
}

// A small kernel may do without; whoever is refused a look has seen nothing.
func TestKernelWithoutRulesIsNotOneThatHidesThem(t *testing.T) {
	require.True(t, hasNoNFTables(os.NewSyscallError("socket", unix.EPROTONOSUPPORT)), "no netfilter")
	require.True(t, hasNoNFTables(os.NewSyscallError("receive", unix.EINVAL)), "no nf_tables in it")
	require.False(t, hasNoNFTables(os.NewSyscallError("receive", unix.EPERM)))
	require.False(t, hasNoNFTables(nil))
}

// The hierarchies belong to the machine. What another suite runs just now is not
// ours; what ours runs is.
func TestCgroupOfOthersIsNoLeak(t *testing.T) {
	Require(t, Root, CgroupPids)
	before, err := Take()
	require.NoError(t, err)
	cgroup := filepath.Join(pidsRoot(), "mytinydocker-"+Name(t))
	require.NoError(t, os.Mkdir(cgroup, 0o755))
	t.Cleanup(func() { require.NoError(t, os.Remove(cgroup)) })
	ours := Command{Path: "sleep", Args: []string{"60"}}.Start(t)
	enter(t, cgroup, ours.Pid())

	found, err := before.leaks()
	require.NoError(t, err)
	require.Contains(t, strings.Join(found, "\n"), cgroup)

	require.NoError(t, ours.cmd.Process.Kill())
	ours.Wait()
	// The supervisor stands in for somebody who is not under test.
	home, err := os.ReadFile("/proc/" + strconv.Itoa(os.Getppid()) + "/cgroup")
	require.NoError(t, err)
	path := regexp.MustCompile(`(?m)^\d+:(?:pids|):(.*)$`).FindStringSubmatch(string(home))[1]
	enter(t, cgroup, os.Getppid())
	t.Cleanup(func() { enter(t, filepath.Join(pidsRoot(), path), os.Getppid()) })
	found, err = before.leaks()
	require.NoError(t, err)
	require.NotContains(t, strings.Join(found, "\n"), cgroup)
}

func enter(t *testing.T, cgroup string, pid int) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(cgroup, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644))
}

func leaveMount(t testing.TB) {
	require.NoError(t, unix.Mount("planted", "/mnt", "tmpfs", 0, ""))
}

// leaveSecondMount covers something with its like.
func leaveSecondMount(t testing.TB) {
	require.NoError(t, unix.Mount("proc", "/proc", "proc", 0, ""))
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

func leaveTable(t testing.TB) {
	connection, err := nftables.New()
	require.NoError(t, err)
	connection.AddTable(&nftables.Table{Name: "planted", Family: nftables.TableFamilyIPv4})
	require.NoError(t, connection.Flush())
}

func leaveRule(t testing.TB) {
	connection, err := nftables.New()
	require.NoError(t, err)
	table := connection.AddTable(&nftables.Table{Name: "planted", Family: nftables.TableFamilyIPv4})
	chain := connection.AddChain(&nftables.Chain{Name: "planted", Table: table})
	connection.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}}})
	require.NoError(t, connection.Flush())
}

func leaveTableOfIPTables(t testing.TB) {
	connection, err := nftables.New()
	require.NoError(t, err)
	table := connection.AddTable(&nftables.Table{Name: "nat", Family: nftables.TableFamilyIPv4})
	connection.AddChain(&nftables.Chain{
		Name: "POSTROUTING", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	})
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

func leavePidfd(t testing.TB) {
	_, err := unix.PidfdOpen(os.Getpid(), 0)
	require.NoError(t, err)
}

func leaveQueue(t testing.TB) {
	_, _, errno := unix.Syscall(unix.SYS_MSGGET, unix.IPC_PRIVATE, unix.IPC_CREAT|0o600, 0)
	require.Zero(t, errno)
}

func leaveHostname(t testing.TB) {
	require.NoError(t, unix.Sethostname([]byte("planted")))
}
