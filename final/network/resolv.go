package network

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// Names is what a user asks about the names that a container knows.
type Names struct {
	Servers []string `json:"servers,omitempty"` // instead of the host's
	Search  []string `json:"search,omitempty"`  // instead of the host's; "." is none
	Options []string `json:"options,omitempty"`
	Hosts   []string `json:"hosts,omitempty"` // NAME:ADDRESS, and host-gateway is an address
}

// Check refuses what would be another line of a file.
func (n *Names) Check() error {
	for _, server := range n.Servers {
		if _, err := netip.ParseAddr(server); err != nil {
			return fmt.Errorf("name server %q: want an address, as in 192.0.2.53", server)
		}
	}
	for _, word := range slices.Concat(n.Search, n.Options) {
		if word == "" || strings.ContainsAny(word, " \t\r\n#;") {
			return fmt.Errorf("%q is no word for resolv.conf", word)
		}
	}
	for _, host := range n.Hosts {
		if _, _, err := parseHost(host, netip.Addr{}); err != nil {
			return err
		}
	}
	return nil
}

// HostGateway stands for the address at which the host is in the container's network.
const HostGateway = "host-gateway"

// parseHost parses NAME:ADDRESS, or NAME=ADDRESS.
func parseHost(text string, gateway netip.Addr) (name string, address netip.Addr, err error) {
	index := strings.IndexAny(text, ":=")
	if index < 0 || !validName(text[:index]) {
		return "", netip.Addr{}, fmt.Errorf("host %q: want NAME:ADDRESS, as in db:192.0.2.7", text)
	}
	name, value := text[:index], text[index+1:]
	if value == HostGateway {
		return name, gateway, nil
	}
	address, err = netip.ParseAddr(strings.Trim(value, "[]"))
	if err != nil || address.Zone() != "" {
		return "", netip.Addr{}, fmt.Errorf("host %q: %q is no address", text, value)
	}
	return name, address, nil
}

// HostsFile is what a container's /etc/hosts has from the beginning. The gateway is that
// of its first network; without one, nobody has the name that was to be its.
func (n *Names) HostsFile(gateway netip.Addr) ([]byte, error) {
	content := []byte("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
	for _, host := range n.Hosts {
		name, address, err := parseHost(host, gateway)
		if err != nil {
			return nil, err
		}
		if !address.IsValid() {
			return nil, fmt.Errorf("host %q: the container has no gateway", host)
		}
		content = fmt.Appendf(content, "%s\t%s\n", address, name)
	}
	return content, nil
}

// ResolvConf is what a container has as /etc/resolv.conf: what the user says, and for
// the rest what the host has. A server at 127.0.0.0/8 is the host's own: in a container
// with links of its own there is nobody at that address.
func (n *Names) ResolvConf() []byte {
	host := hostResolvConf()
	servers := n.Servers
	if len(servers) == 0 {
		servers = nameServers(host)
		if local := slices.DeleteFunc(slices.Clone(servers), isLocal); len(local) > 0 || len(servers) == 0 {
			servers = local
		} else if content, err := os.ReadFile("/run/systemd/resolve/resolv.conf"); err == nil {
			// systemd-resolved has it here whom it asks itself.
			servers = slices.DeleteFunc(nameServers(content), isLocal)
		} else {
			servers = nil
		}
	}
	var content []byte
	for _, server := range servers {
		content = fmt.Appendf(content, "nameserver %s\n", server)
	}
	for _, line := range []struct {
		word string
		own  []string
	}{{"search", n.Search}, {"options", n.Options}} {
		words := line.own
		if len(words) == 0 {
			words = lastOf(host, line.word)
		}
		if len(words) > 0 && !slices.Equal(words, []string{"."}) {
			content = fmt.Appendf(content, "%s %s\n", line.word, strings.Join(words, " "))
		}
	}
	return content
}

func isLocal(server string) bool {
	address, err := netip.ParseAddr(server)
	return err != nil || address.IsLoopback()
}

// nameServers returns the addresses of a resolv.conf (resolv.conf(5)).
func nameServers(content []byte) []string {
	var servers []string
	for line := range strings.Lines(string(content)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "nameserver" {
			servers = append(servers, words[1])
		}
	}
	return servers
}

// lastOf returns the words of the last line that begins with one: only that counts.
func lastOf(content []byte, word string) []string {
	var last []string
	for line := range strings.Lines(string(content)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == word {
			last = words[1:]
		}
	}
	return last
}
