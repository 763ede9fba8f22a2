package network

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/userdata"
)

// openForeign has those pass who are in our networks, in the chains of others that drop
// all that they do not know: only there can it be said. So does whoever uses iptables.
// A rule of these that is there stays where it is.
func (f *netfilter) openForeign(connection *nftables.Conn, wanted bool, steps *[]string) error {
	chains, err := connection.ListChains()
	if err != nil {
		return err
	}
	for _, chain := range chains {
		if chain.Hooknum == nil || *chain.Hooknum != *nftables.ChainHookForward || strings.HasPrefix(chain.Table.Name, tablePrefix) ||
			!slices.Contains([]nftables.TableFamily{nftables.TableFamilyIPv4, nftables.TableFamilyINet}, chain.Table.Family) {
			continue
		}
		drops := chain.Policy != nil && *chain.Policy == nftables.ChainPolicyDrop
		if err := f.openChain(connection, chain, wanted && drops, steps); err != nil {
			return err
		}
	}
	return nil
}

// openChain has there be our two rules in a chain, or none.
func (f *netfilter) openChain(connection *nftables.Conn, chain *nftables.Chain, wanted bool, steps *[]string) error {
	rules, err := connection.GetRules(chain.Table, chain)
	if err != nil {
		return err
	}
	ours := slices.DeleteFunc(rules, func(rule *nftables.Rule) bool {
		comment, _ := userdata.GetString(rule.UserData, userdata.TypeComment)
		return comment != f.tableName()
	})
	passes := []rule{{in: is(linkPrefix + "*")}, {out: is(linkPrefix + "*")}}
	if wanted && len(ours) == len(passes) {
		return nil
	}
	for _, rule := range ours {
		if err := connection.DelRule(rule); err != nil {
			return err
		}
		*steps = append(*steps, fmt.Sprintf("delete rule %s %s %s handle %d", family(chain), chain.Table.Name, chain.Name, rule.Handle))
	}
	for _, pass := range passes {
		if !wanted {
			continue
		}
		connection.InsertRule(&nftables.Rule{
			Table: chain.Table, Chain: chain, Exprs: pass.expressions(),
			UserData: userdata.AppendString(nil, userdata.TypeComment, f.tableName()),
		})
		*steps = append(*steps, fmt.Sprintf("insert rule %s %s %s %s comment %s", family(chain), chain.Table.Name, chain.Name, pass.nft(), f.tableName()))
	}
	return nil
}

func family(chain *nftables.Chain) string {
	if chain.Table.Family == nftables.TableFamilyINet {
		return "inet"
	}
	return "ip"
}
