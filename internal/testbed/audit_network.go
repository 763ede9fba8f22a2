package testbed

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
)

// links lists the network interfaces of this network namespace.
func links() ([]string, error) {
	all, err := netlink.LinkList()
	if err != nil {
		return nil, err
	}
	var things []string
	for _, link := range all {
		things = append(things, fmt.Sprintf("%s (%s)", link.Attrs().Name, link.Type()))
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
		things = append(things, fmt.Sprintf("%s of interface %d", address.IPNet, address.LinkIndex))
	}
	return things, nil
}

// rules lists the firewall rules of this network namespace, those of
// iptables-nft among them. A chain without rules changes nothing and is no leak:
// iptables leaves its tables behind.
func rules() ([]string, error) {
	connection, err := nftables.New()
	if err != nil {
		return nil, err
	}
	chains, err := connection.ListChains()
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
			things = append(things, fmt.Sprintf("number %d in table %s, chain %s (nft -a list ruleset)",
				rule.Handle, chain.Table.Name, chain.Name))
		}
	}
	return things, nil
}
