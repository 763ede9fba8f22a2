package testbed

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Outside is a host beyond the machine: a network namespace that a cable, a pair
// of veth links, joins to the test's own. It is 192.0.2.2, the machine is 192.0.2.1
// there (RFC 5737 keeps such addresses for examples), and it knows no other network.
type Outside struct {
	t   testing.TB
	pid int // of a process in the namespace
}

// NewOutside makes one; there can be one at a time. At the end of the test it is
// gone, with the cable.
func NewOutside(t testing.TB) *Outside {
	t.Helper()
	outside := &Outside{t: t, pid: NewNetwork(t)}
	cable := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "out" + strings.ToLower(rand.Text()[:8])},
		PeerName:  "eth0", PeerNamespace: netlink.NsPid(outside.pid),
	}
	if err := netlink.LinkAdd(cable); err != nil {
		t.Fatalf("lay the cable to the outside: %v", err)
	}
	// The kernel removes it too, but some time after the last process there.
	t.Cleanup(func() {
		if err := netlink.LinkDel(cable); err != nil {
			t.Errorf("cut the cable to the outside: %v", err)
		}
	})
	setUp(t, cable.Name, "192.0.2.1/24")
	outside.Do(func() { setUp(t, "eth0", "192.0.2.2/24") })
	return outside
}

func setUp(t testing.TB, name, address string) {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatalf("find the link %s: %v", name, err)
	}
	parsed, err := netlink.ParseAddr(address)
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.AddrAdd(link, parsed); err != nil {
		t.Fatalf("give %s the address %s: %v", name, address, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		t.Fatalf("set the link %s up: %v", name, err)
	}
}

// Do calls do outside; see InNetworkOf.
func (o *Outside) Do(do func()) {
	o.t.Helper()
	InNetworkOf(o.t, o.pid, do)
}

// Listen returns a listener outside, which is closed at the end of the test.
func (o *Outside) Listen(network, address string) net.Listener {
	o.t.Helper()
	var listener net.Listener
	o.Do(func() {
		var err error
		if listener, err = net.Listen(network, address); err != nil {
			o.t.Fatalf("listen outside: %v", err)
		}
	})
	o.t.Cleanup(func() { listener.Close() })
	return listener
}

// RouteTo has the outside reach a network through this machine.
func (o *Outside) RouteTo(network netip.Prefix) {
	o.t.Helper()
	o.Do(func() {
		destination := &net.IPNet{IP: network.Addr().AsSlice(), Mask: net.CIDRMask(network.Bits(), network.Addr().BitLen())}
		if err := netlink.RouteAdd(&netlink.Route{Dst: destination, Gw: net.IPv4(192, 0, 2, 1)}); err != nil {
			o.t.Fatalf("route %s outside: %v", network, err)
		}
	})
}

// NewNetwork makes a network namespace in which there is nothing but a loopback
// that is down, and returns the pid of a process in it. The process ends with the
// test, and the namespace with its last user.
func NewNetwork(t testing.TB) (pid int) {
	t.Helper()
	process := exec.Command("sleep", "1000")
	process.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Setpgid: true}
	if err := process.Start(); err != nil {
		t.Fatalf("start a process in a network namespace of its own: %v", err)
	}
	t.Cleanup(func() {
		_ = process.Process.Kill() // a test may have done so itself
		_ = process.Wait()
	})
	return process.Process.Pid
}

// InNetworkOf calls do in the network namespace of a process. A socket that is made
// there belongs there for good, whoever uses it later; a program that is started
// there lives there. Goroutines that do starts are at home.
func InNetworkOf(t testing.TB, pid int, do func()) {
	t.Helper()
	there, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		t.Fatalf("find the network namespace of process %d: %v", pid, err)
	}
	defer there.Close()
	// A namespace is that of a thread (setns(2)): this goroutine keeps its own.
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		t.Fatalf("find our own network namespace: %v", err)
	}
	defer func() {
		defer home.Close()
		// If there is no way back, nobody else must get this thread; it ends
		// with the goroutine.
		if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
			t.Fatalf("come back from a network namespace: %v", err)
		}
		runtime.UnlockOSThread()
	}()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		t.Fatalf("enter the network namespace of process %d: %v", pid, err)
	}
	do()
}
