package network

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// inside calls do on a thread that is in a network namespace. A namespace is that of a
// thread (setns(2)), so do must start no goroutine that is to be there, too.
//
// The thread is not the caller's: a container's life may hang on that one.
func inside(namespace *os.File, do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		home, err := doInside(namespace, do)
		if home {
			runtime.UnlockOSThread()
		} // else the thread is no good to anybody, and ends with this goroutine
		done <- err
	}()
	return <-done
}

func doInside(namespace *os.File, do func() error) (home bool, err error) {
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return true, fmt.Errorf("find our own network namespace: %w", err)
	}
	defer own.Close()
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		return true, fmt.Errorf("enter the network namespace %s: %w", namespace.Name(), err)
	}
	err = do()
	if failure := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); failure != nil {
		return false, errors.Join(err, fmt.Errorf("come back from a network namespace: %w", failure))
	}
	return true, err
}

// withoutIPv6 has the links that are made in a namespace from now on have no IPv6: the
// network has none, and an address that nobody answers to would keep programs waiting.
// The loopback, which is there, keeps ::1.
func (n *Networks) withoutIPv6(namespace *os.File) error {
	const setting = "net/ipv6/conf/default/disable_ipv6"
	return inside(namespace, func() error {
		n.logInside(namespace, "sysctl", "-w", "net.ipv6.conf.default.disable_ipv6=1")
		if err := writeSetting("/proc/sys/"+setting, "1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("have the container's links without IPv6: %w", err)
		}
		return nil
	})
}

// configure gives the container's end of a cable its address, sets it up, and sends to
// the gateway all that is for somebody else.
func (n *Networks) configure(namespace *os.File, endpoint *Endpoint) error {
	return inside(namespace, func() error {
		// One connection for all, or each call would open one of its own.
		handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return fmt.Errorf("talk to the kernel about the container's links: %w", err)
		}
		defer handle.Close()
		link, err := handle.LinkByName(endpoint.Interface)
		if err != nil {
			return fmt.Errorf("find %s in the container: %w", endpoint.Interface, err)
		}
		n.logInside(namespace, "ip", "address", "add", endpoint.Address.String(), "broadcast", "+", "dev", endpoint.Interface)
		if err := handle.AddrAdd(link, &netlink.Addr{IPNet: ipNet(endpoint.Address)}); err != nil {
			return fmt.Errorf("give %s the address %s: %w", endpoint.Interface, endpoint.Address, err)
		}
		n.logInside(namespace, "ip", "link", "set", endpoint.Interface, "up")
		if err := handle.LinkSetUp(link); err != nil {
			return fmt.Errorf("set %s up: %w", endpoint.Interface, err)
		}
		if !endpoint.DefaultRoute {
			return nil
		}
		n.logInside(namespace, "ip", "route", "add", "default", "via", endpoint.Gateway.String())
		if err := handle.RouteAdd(&netlink.Route{Gw: endpoint.Gateway.AsSlice()}); err != nil {
			return fmt.Errorf("route by the gateway %s: %w", endpoint.Gateway, err)
		}
		return nil
	})
}

// logInside names a step that is done in a namespace.
func (n *Networks) logInside(namespace *os.File, command ...string) {
	n.log.Run(explain.Network, append([]string{"nsenter", "--net=" + namespace.Name()}, command...)...)
}
