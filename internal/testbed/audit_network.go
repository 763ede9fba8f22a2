package testbed

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// links lists the network interfaces of this network namespace.
func links() ([]string, error) {
	all, err := netlink.LinkList()
	if err != nil {
		return nil, err
	}
	var things []string
	for _, link := range all {
		things = append(things, fmt.Sprintf("%s (%s) (see: ip link show %s)", link.Attrs().Name, link.Type(), link.Attrs().Name))
	}
	return things, nil
}

// addresses lists the IP addresses of this network namespace.
func addresses() ([]string, error) {
	all, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, err
	}
	var things []string
	for _, address := range all {
		name := fmt.Sprintf("number %d", address.LinkIndex)
		if link, err := netlink.LinkByIndex(address.LinkIndex); err == nil {
			name = link.Attrs().Name // it may just have gone, with its address
		}
		things = append(things, fmt.Sprintf("%s of %s (see: ip address show)", address.IPNet, name))
	}
	return things, nil
}

// tables lists the firewall tables of this network namespace. Those of iptables
// are left out: it makes them with all their chains when it is first used, and
// never removes them. Empty, they change nothing.
func tables() ([]string, error) {
	connection, err := nftables.New()
	if err != nil {
		return nil, err
	}
	all, err := connection.ListTables()
	if hasNoNFTables(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var things []string
	for _, table := range all {
		if !slices.Contains([]string{"filter", "nat", "mangle", "raw", "security"}, table.Name) {
			things = append(things, fmt.Sprintf("%s (see: nft list table %s)", tableName(table), tableName(table)))
		}
	}
	return things, nil
}

// rules lists the firewall rules of this network namespace, those of
// iptables-nft among them.
func rules() ([]string, error) {
	connection, err := nftables.New()
	if err != nil {
		return nil, err
	}
	chains, err := connection.ListChains()
	if hasNoNFTables(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var things []string
	for _, chain := range chains {
		all, err := connection.GetRules(chain.Table, chain)
		if err != nil {
			return nil, err
		}
		for _, rule := range all {
			things = append(things, fmt.Sprintf("in chain %s of table %s, handle %d (see: nft -a list chain %s %s)",
				chain.Name, tableName(chain.Table), rule.Handle, tableName(chain.Table), chain.Name))
		}
	}
	return things, nil
}

// hasNoNFTables tells whether a list of everything failed because the kernel knows
// none of it: it has no netfilter at all, or only its older parts.
func hasNoNFTables(err error) bool {
	return errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EINVAL)
}

// tableName is the name of a table as nft(8) wants it: after its family.
func tableName(table *nftables.Table) string {
	families := map[nftables.TableFamily]string{
		nftables.TableFamilyIPv4: "ip", nftables.TableFamilyIPv6: "ip6", nftables.TableFamilyINet: "inet",
		nftables.TableFamilyARP: "arp", nftables.TableFamilyBridge: "bridge", nftables.TableFamilyNetdev: "netdev",
	}
	return families[table.Family] + " " + table.Name
}
