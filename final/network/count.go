package network

import (
	"slices"
	"strings"

	"github.com/google/nftables"
)

// count returns how many rules the chains of our table have.
func (f *netfilter) count() (map[string]int, error) {
	connection, err := nftables.New()
	if err != nil {
		return nil, err
	}
	chains, err := connection.ListChainsOfTableFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return nil, err
	}
	counts := make(map[string]int)
	for _, chain := range chains {
		if chain.Table.Name != f.tableName() {
			continue
		}
		rules, err := connection.GetRules(chain.Table, chain)
		if err != nil {
			return nil, err
		}
		counts[chain.Name] = len(rules)
	}
	return counts, nil
}

// has reports whether there are as many rules in each chain of ours as there should be,
// and one jump to each that has some.
func (t *iptables) has(rules []rule) (bool, error) {
	saved, err := program("iptables-save", "")
	if err != nil {
		return false, err
	}
	for number, place := range iptablesChains {
		lines, name := tableOf(saved, place.table), t.chainName(chain(number))
		there, wanted := 0, 0
		for _, line := range lines {
			if strings.HasPrefix(line, "-A "+name+" ") {
				there++
			}
		}
		for _, rule := range rules {
			if rule.chain == chain(number) {
				wanted++
			}
		}
		declared := slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, ":"+name+" ") })
		if there != wanted || declared != (wanted > 0) || len(jumpChanges(place.parent, name, wanted > 0, place.last, lines)) > 0 {
			return false, nil
		}
	}
	return true, nil
}
