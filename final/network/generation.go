package network

import (
	"encoding/binary"
	"os"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// nftMessage is the type of a message about nftables (nfnetlink).
func nftMessage(kind int) int { return unix.NFNL_SUBSYS_NFTABLES<<8 | kind }

// generation returns how often the rules of this network namespace have been changed:
// those of nftables, and of iptables where that is built on it. A kernel without has no
// such number.
func generation() (uint32, bool) {
	request := nl.NewNetlinkRequest(nftMessage(unix.NFT_MSG_GETGEN), 0)
	request.AddData(&nl.Nfgenmsg{NfgenFamily: unix.AF_UNSPEC, Version: nl.NFNETLINK_V0})
	answers, err := request.Execute(unix.NETLINK_NETFILTER, uint16(nftMessage(unix.NFT_MSG_NEWGEN)))
	if err != nil || len(answers) != 1 || len(answers[0]) < nl.SizeofNfgenmsg {
		return 0, false
	}
	attributes, err := nl.ParseRouteAttr(answers[0][nl.SizeofNfgenmsg:])
	if err != nil {
		return 0, false
	}
	for _, attribute := range attributes {
		if attribute.Attr.Type == unix.NFTA_GEN_ID && len(attribute.Value) == 4 {
			return binary.BigEndian.Uint32(attribute.Value), true
		}
	}
	return 0, false
}

// legacyIptablesUsed reports whether somebody uses the iptables that is not built on
// nftables. The kernel lists its tables from their first use on.
func legacyIptablesUsed() bool {
	content, err := os.ReadFile("/proc/net/ip_tables_names")
	return err == nil && strings.TrimSpace(string(content)) != ""
}
