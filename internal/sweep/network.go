package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
)

// network is what a chapter has written down of a network, as far as it matters here.
type network struct {
	Bridge string
	Subnet netip.Prefix
}

// removeNetworks removes the bridges and the rules of the networks below a root.
// Without their records, nobody would know later whose they are.
func removeNetworks(root string) error {
	records, err := filepath.Glob(filepath.Join(root, "networks", "*", "network.json"))
	if err != nil {
		return err
	}
	for _, path := range records {
		network, err := readNetwork(path)
		if err != nil {
			return err
		}
		if err := network.remove(); err != nil {
			return fmt.Errorf("remove the network of %s: %w", path, err)
		}
	}
	return nil
}

func readNetwork(path string) (network, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return network{}, err
	}
	var found network
	err = json.Unmarshal(content, &found)
	if err != nil || !strings.HasPrefix(found.Bridge, "br-") || found.Subnet.Bits() < 8 {
		return network{}, fmt.Errorf("%s is damaged: find its bridge (ip link) and rules (iptables-save), and remove them with it by hand", path)
	}
	return found, nil
}

func (n network) remove() error {
	for _, table := range []string{"nat", "raw", "filter"} {
		if err := n.removeRules(table); err != nil {
			return err
		}
	}
	bridge, err := netlink.LinkByName(n.Bridge)
	if missing := (netlink.LinkNotFoundError{}); errors.As(err, &missing) {
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, "remove bridge", n.Bridge)
	return netlink.LinkDel(bridge)
}

// removeRules removes the rules of a table that name the bridge, or have a port lead
// into the subnet.
func (n network) removeRules(table string) error {
	if _, err := exec.LookPath("iptables"); errors.Is(err, exec.ErrNotFound) {
		return nil // nobody has made a rule
	}
	listing, err := exec.Command("iptables", "-w", "-t", table, "-S").Output()
	if err != nil {
		return fmt.Errorf("list the rules of the table %s: %w", table, err)
	}
	for line := range strings.Lines(string(listing)) {
		words := strings.Fields(line)
		if words[0] != "-A" || !n.isIn(words) {
			continue
		}
		words[0] = "-D"
		fmt.Fprintln(os.Stdout, "remove rule", table, strings.Join(words[1:], " "))
		if output, err := exec.Command("iptables", append([]string{"-w", "-t", table}, words...)...).CombinedOutput(); err != nil {
			return fmt.Errorf("remove a rule of the table %s: %w: %s", table, err, output)
		}
	}
	return nil
}

func (n network) isIn(rule []string) bool {
	for index, word := range rule[1:] {
		before := rule[index]
		if slices.Contains([]string{"-i", "-o"}, before) && word == n.Bridge {
			return true
		}
		if target, err := netip.ParseAddrPort(word); before == "--to-destination" && err == nil && n.Subnet.Contains(target.Addr()) {
			return true
		}
	}
	return false
}
