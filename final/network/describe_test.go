package network

import (
	"fmt"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// describe is a rule without its handle and its counters.
func describe(rule *nftables.Rule) string {
	var all strings.Builder
	for _, expression := range rule.Exprs {
		if _, counts := expression.(*expr.Counter); !counts {
			fmt.Fprintf(&all, " %T%v", expression, expression)
		}
	}
	return all.String()
}
