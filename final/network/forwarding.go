package network

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ensureForwarding makes a router of the host: what comes in at one link and is meant
// for somebody at another is sent on. That goes for all links, not for ours alone. If
// it is we who switch it on, that is written down before, and a rule has all others be
// as they were.
func (n *Networks) ensureForwarding() error {
	const setting = "net.ipv4.ip_forward"
	current, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	if err != nil {
		return fmt.Errorf("look whether the host forwards: %w", err)
	}
	if strings.TrimSpace(string(current)) == "1" {
		return nil
	}
	if !n.openedForwarding() {
		err := n.change(func() error { return writeJSON(n.forwardingPath(), "opened by us", false) })
		if err != nil {
			return fmt.Errorf("write down that the host forwards for us: %w", err)
		}
	}
	if err := n.ensureRules(); err != nil {
		return err
	}
	return n.sysctl(setting, "1")
}

func (n *Networks) forwardingPath() string { return filepath.Join(n.run, "forwarding") }

func (n *Networks) openedForwarding() bool {
	_, err := os.Lstat(n.forwardingPath())
	return err == nil
}

// closeForwarding undoes ensureForwarding, when the last network goes.
func (n *Networks) closeForwarding() error {
	if !n.openedForwarding() {
		return nil
	}
	if err := n.sysctl("net.ipv4.ip_forward", "0"); err != nil {
		return err
	}
	err := n.change(func() error { return os.Remove(n.forwardingPath()) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write down that the host does not forward: %w", err)
	}
	return nil
}
