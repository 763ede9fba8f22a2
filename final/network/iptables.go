package network

import (
	"fmt"
	"slices"
	"strings"

	"mytinydocker/final/explain"
)

// iptables is the classic way: chains of our own in the tables that all share, and a
// jump to each from the chain of the kernel's. The kernel has no call for a rule of
// these: it takes a list of them in a form that only the program iptables-restore knows.
type iptables struct {
	tag string
	log explain.Log
}

var _ firewall = (*iptables)(nil)

// Where a chain hangs. What drops and lets pass comes before the rules of others; what
// closes comes after those that accept.
var iptablesChains = [...]struct {
	table, name, parent string
	last                bool
}{
	spoofed:      {"raw", "SPOOFED", "PREROUTING", false},
	publishedIn:  {"nat", "IN", "PREROUTING", false},
	publishedOut: {"nat", "OUT", "OUTPUT", false},
	forward:      {"filter", "FORWARD", "FORWARD", false},
	closed:       {"filter", "CLOSED", "FORWARD", true},
	masquerade:   {"nat", "MASQUERADE", "POSTROUTING", false},
}

func (t *iptables) chainName(c chain) string { return "TD-" + t.tag + "-" + iptablesChains[c].name }

// apply gives iptables-restore all tables at once; each is replaced as a whole, and
// --noflush leaves alone what is not named. If somebody else has changed the jumps
// since we looked, it is done again.
func (t *iptables) apply(rules []rule) (uint32, error) {
	for attempt := 0; ; attempt++ {
		saved, err := program("iptables-save", "")
		if err != nil {
			return 0, err
		}
		script := t.script(rules, saved)
		if script == "" {
			return 0, nil
		}
		_, err = program("iptables-restore", script, "--noflush", "--wait")
		if err == nil {
			t.explain(script, saved)
			return uint32(strings.Count(script, "COMMIT\n")), nil // each table is one
		}
		if attempt == 2 {
			return 0, err
		}
	}
}

// script returns what iptables-restore is to do, given what iptables-save has said.
func (t *iptables) script(rules []rule, saved string) string {
	var script strings.Builder
	for _, table := range []string{"raw", "nat", "filter"} {
		lines := t.table(table, rules, tableOf(saved, table))
		if len(lines) > 0 {
			fmt.Fprintf(&script, "*%s\n%s\nCOMMIT\n", table, strings.Join(lines, "\n"))
		}
	}
	return script.String()
}

// table returns what to do to one table: the chains, empty, the jumps, and the rules.
// A chain without rules goes, with its jump.
func (t *iptables) table(table string, rules []rule, saved []string) []string {
	var declared, jumps, added, removed []string
	for number, place := range iptablesChains {
		if place.table != table {
			continue
		}
		name := t.chainName(chain(number))
		before := len(added)
		for _, rule := range rules {
			if rule.chain == chain(number) {
				added = append(added, strings.Join(append([]string{"-A", name}, rule.iptables()...), " "))
			}
		}
		wanted, there := len(added) > before, slices.ContainsFunc(saved, func(line string) bool { return strings.HasPrefix(line, ":"+name+" ") })
		if wanted || there {
			declared = append(declared, ":"+name+" - [0:0]")
		}
		jumps = append(jumps, jumpChanges(place.parent, name, wanted, place.last, saved)...)
		if there && !wanted {
			removed = append(removed, "-X "+name)
		}
	}
	return slices.Concat(declared, jumps, added, removed)
}

// jumpChanges has there be one jump to a chain if it is wanted, and else none.
func jumpChanges(parent, name string, wanted, last bool, saved []string) []string {
	jump := parent + " -j " + name
	count := 0
	for _, line := range saved {
		if line == "-A "+jump {
			count++
		}
	}
	if wanted && count == 1 {
		return nil // where an administrator may have put other rules before it
	}
	changes := slices.Repeat([]string{"-D " + jump}, count)
	switch {
	case wanted && last:
		changes = append(changes, "-A "+jump)
	case wanted:
		changes = append(changes, "-I "+jump)
	}
	return changes
}

// tableOf returns the lines of one table of what iptables-save has said.
func tableOf(saved, table string) []string {
	_, rest, found := strings.Cut("\n"+saved, "\n*"+table+"\n")
	if !found {
		return nil
	}
	lines, _, _ := strings.Cut(rest, "\nCOMMIT")
	return strings.Split(lines, "\n")
}

// explain names the commands that would do what the script does.
func (t *iptables) explain(script, saved string) {
	table := ""
	for line := range strings.Lines(script) {
		words := strings.Fields(line)
		switch line[0] {
		case '*':
			table = words[0][1:]
		case ':':
			action := "-N"
			if strings.Contains(saved, "\n"+words[0]+" ") {
				action = "-F"
			}
			t.log.Run(explain.Network, "iptables", "-t", table, action, words[0][1:])
		case '-':
			t.log.Run(explain.Network, append([]string{"iptables", "-t", table}, words...)...)
		}
	}
}
