package network

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"net"
	"strings"

	"github.com/vishvananda/netlink"
)

// The names of our links begin so, and the kernel has room for 15 bytes (IFNAMSIZ).
const (
	linkPrefix  = "td-"
	maxLinkName = 15
)

// freeLinkName returns a name for a bridge. That of the default network is one that a
// person can remember, if it is free.
func freeLinkName(network string) (string, error) {
	name := linkPrefix + Default
	if network == Default {
		if _, err := net.InterfaceByName(name); err != nil {
			return name, nil //nolint:nilerr // there is no such link
		}
	}
	return randomLinkName(linkPrefix), nil
}

func randomLinkName(prefix string) string { return prefix + strings.ToLower(rand.Text()[:10]) }

func randomHex(length int) string {
	random := make([]byte, length)
	_, _ = rand.Read(random) // never fails
	return hex.EncodeToString(random)
}

// newHardwareAddress returns one for a bridge that nobody has bought: the second lowest
// bit of the first byte says that it is given locally, the lowest that it is for one. It
// ends in our tag: so a bridge is known to be ours when its record is lost.
func (n *Networks) newHardwareAddress() net.HardwareAddr {
	address := make(net.HardwareAddr, 2, 6)
	_, _ = rand.Read(address) // never fails
	address[0] = address[0]&^1 | 2
	return append(address, n.tagBytes()...)
}

func (n *Networks) tagBytes() []byte {
	bytes, _ := hex.DecodeString(n.tag) // it is hexadecimal, see Open
	return bytes
}

// isOurs reports whether a bridge was made by us, for a network of this root.
func (n *Networks) isOurs(bridge netlink.Link) bool {
	address := bridge.Attrs().HardwareAddr
	return strings.HasPrefix(bridge.Attrs().Name, linkPrefix) && len(address) == 6 && bytes.Equal(address[2:], n.tagBytes())
}
