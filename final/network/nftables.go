package network

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// netfilter keeps the rules in a table of our own, over netlink: no program is needed,
// and all is one transaction.
type netfilter struct {
	tag string
	log explain.Log
}

var _ firewall = (*netfilter)(nil)

// Where a chain hangs. A packet that is accepted in one chain still goes through those
// of others; one that is dropped is gone.
var nftChains = [...]struct {
	name     string
	kind     nftables.ChainType
	hook     *nftables.ChainHook
	priority *nftables.ChainPriority
	place    string // for nft(8)
}{
	spoofed:      {"spoofed", nftables.ChainTypeFilter, nftables.ChainHookPrerouting, nftables.ChainPriorityRaw, "hook prerouting priority -300"},
	publishedIn:  {"published-in", nftables.ChainTypeNAT, nftables.ChainHookPrerouting, nftables.ChainPriorityNATDest, "hook prerouting priority -100"},
	publishedOut: {"published-out", nftables.ChainTypeNAT, nftables.ChainHookOutput, nftables.ChainPriorityNATDest, "hook output priority -100"},
	forward:      {"forward", nftables.ChainTypeFilter, nftables.ChainHookForward, nftables.ChainPriorityFilter, "hook forward priority 0"},
	closed:       {"closed", nftables.ChainTypeFilter, nftables.ChainHookForward, nftables.ChainPrioritySELinuxLast, "hook forward priority 225"},
	masquerade:   {"masquerade", nftables.ChainTypeNAT, nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource, "hook postrouting priority 100"},
}

// tablePrefix is before the tag in the name of a table.
const tablePrefix = "tinydocker-"

func (f *netfilter) tableName() string { return tablePrefix + f.tag }

// apply replaces the table. If somebody else has changed a chain of theirs since we
// looked, it is done again.
func (f *netfilter) apply(rules []rule) (uint32, error) {
	for attempt := 0; ; attempt++ {
		err := f.replace(rules)
		if err == nil {
			return 1, nil
		}
		if attempt == 2 || !errors.Is(err, unix.ENOENT) {
			return 0, fmt.Errorf("change the rules of nftables: %w", err)
		}
	}
}

func (f *netfilter) replace(rules []rule) error {
	connection, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return err
	}
	defer connection.CloseLasting() //nolint:errcheck // it is a socket
	var steps []string
	if err := f.openForeign(connection, len(rules) > 0, &steps); err != nil {
		return err
	}
	// A table can be deleted only if it is there; made, it is.
	table := connection.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: f.tableName()})
	connection.DelTable(table)
	steps = append(steps, "add table ip "+table.Name, "delete table ip "+table.Name)
	if len(rules) > 0 {
		connection.AddTable(table)
		steps = append(steps, "add table ip "+table.Name)
		f.add(connection, table, rules, &steps)
	}
	if err := connection.Flush(); err != nil {
		return err
	}
	for _, step := range steps {
		f.log.Run(explain.Network, append([]string{"nft"}, strings.Fields(step)...)...)
	}
	return nil
}

// add adds the chains that have rules.
func (f *netfilter) add(connection *nftables.Conn, table *nftables.Table, rules []rule, steps *[]string) {
	for number, place := range nftChains {
		var made *nftables.Chain
		for _, rule := range rules {
			if rule.chain != chain(number) {
				continue
			}
			if made == nil {
				made = connection.AddChain(&nftables.Chain{Name: place.name, Table: table, Type: place.kind, Hooknum: place.hook, Priority: place.priority})
				*steps = append(*steps, fmt.Sprintf("add chain ip %s %s { type %s %s ; }", table.Name, place.name, place.kind, place.place))
			}
			connection.AddRule(&nftables.Rule{Table: table, Chain: made, Exprs: rule.expressions()})
			*steps = append(*steps, fmt.Sprintf("add rule ip %s %s %s", table.Name, place.name, rule.nft()))
		}
	}
}

// iptablesUsed reports whether somebody has rules of iptables here.
func iptablesUsed() bool {
	if legacyIptablesUsed() {
		return true
	}
	connection, err := nftables.New()
	if err != nil {
		return false
	}
	chains, err := connection.ListChainsOfTableFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return false
	}
	for _, chain := range chains {
		if !slices.Contains([]string{"filter", "nat", "mangle", "raw"}, chain.Table.Name) || strings.ToUpper(chain.Name) != chain.Name {
			continue
		}
		rules, err := connection.GetRules(chain.Table, chain)
		drops := chain.Policy != nil && *chain.Policy == nftables.ChainPolicyDrop
		if err == nil && (len(rules) > 0 || drops) {
			return true
		}
	}
	return false
}
