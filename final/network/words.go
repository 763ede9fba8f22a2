package network

import (
	"fmt"
	"strconv"
	"strings"
)

// iptables returns the rule as the words of iptables.
func (r *rule) iptables() []string {
	var words []string
	add := func(not bool, more ...string) {
		if not {
			words = append(words, "!")
		}
		words = append(words, more...)
	}
	if r.in.given() {
		add(r.in.not, "-i", wildcard(r.in.value))
	}
	if r.out.given() {
		add(r.out.not, "-o", wildcard(r.out.value))
	}
	if r.from.given() {
		add(r.from.not, "-s", r.from.value.String())
	}
	if r.to.given() {
		add(r.to.not, "-d", r.to.value.String())
	}
	if r.protocol != "" {
		add(false, "-p", r.protocol, "-m", r.protocol, "--dport", strconv.Itoa(int(r.port)))
	}
	if r.local {
		add(false, "-m", "addrtype", "--dst-type", "LOCAL")
	}
	if r.answer {
		add(false, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED")
	}
	if r.published {
		add(false, "-m", "conntrack", "--ctstate", "DNAT")
	}
	switch r.verdict {
	case accept:
		add(false, "-j", "ACCEPT")
	case drop:
		add(false, "-j", "DROP")
	case hide:
		add(false, "-j", "MASQUERADE")
	case redirect:
		add(false, "-j", "DNAT", "--to-destination", r.target.String())
	}
	return words
}

// wildcard is the name of a link as iptables has it, with a + for anything.
func wildcard(link string) string { return strings.Replace(link, "*", "+", 1) }

// nft returns the rule as the words of nft(8).
func (r *rule) nft() string {
	var words []string
	add := func(field string, not bool, value string) {
		if not {
			field += " !="
		}
		words = append(words, field+" "+value)
	}
	if r.in.given() {
		add("iifname", r.in.not, r.in.value)
	}
	if r.out.given() {
		add("oifname", r.out.not, r.out.value)
	}
	if r.from.given() {
		add("ip saddr", r.from.not, r.from.value.String())
	}
	if r.to.given() {
		add("ip daddr", r.to.not, r.to.value.String())
	}
	if r.local {
		words = append(words, "fib daddr type local")
	}
	if r.protocol != "" {
		words = append(words, fmt.Sprintf("%s dport %d", r.protocol, r.port))
	}
	if r.answer {
		words = append(words, "ct state established,related")
	}
	if r.published {
		words = append(words, "ct status dnat")
	}
	words = append(words, "counter")
	switch r.verdict {
	case accept:
		words = append(words, "accept")
	case drop:
		words = append(words, "drop")
	case hide:
		words = append(words, "masquerade")
	case redirect:
		words = append(words, "dnat to "+r.target.String())
	}
	return strings.Join(words, " ")
}
