package network

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Our part of a file of hosts (hosts(5)) is between these lines. The rest is what the
// container had from the beginning, and what its programs write.
const (
	hostsBegin = "# who is here, kept up to date by tinydocker:\n"
	hostsEnd   = "# up to here.\n"
)

// maxHosts is the longest file of hosts that is worked on, in bytes. It belongs to the
// container, which may write there what it likes.
const maxHosts = 4 << 20

// updateHosts writes the names of all who live in a network into the files of hosts of
// all of them, and of one who comes or goes. The caller has the lock of the network.
//
// In the default network nobody knows the others' names.
func (n *Networks) updateHosts(network *Network, mover *Endpoint) error {
	lock, err := lockFile(filepath.Join(n.run, "names"))
	if err != nil {
		return err
	}
	defer lock.Close()
	networks, err := n.records()
	if err != nil {
		return err
	}
	towns := towns{Networks: n, networks: networks, living: make(map[string][]*Endpoint)}
	var changed []*Endpoint
	if network.Name != Default {
		living, err := towns.livingIn(network)
		if err != nil {
			return err
		}
		changed = slices.Clone(living)
	}
	if mover != nil {
		changed = slices.DeleteFunc(changed, func(e *Endpoint) bool { return e.ContainerID == mover.ContainerID })
		changed = append(changed, mover)
	}
	for _, endpoint := range changed {
		if endpoint.HostsFile == "" {
			continue
		}
		block, err := towns.hostsOf(endpoint.ContainerID)
		if err != nil {
			return err
		}
		err = replaceHosts(endpoint.HostsFile, block)
		if err != nil && !errors.Is(err, errNoHosts) {
			return fmt.Errorf("tell the container %s who is in its networks: %w", endpoint.Name, err)
		}
	}
	return nil
}

// towns are all networks, as far as somebody has asked who lives there. With hundreds of
// containers it takes longer to look for all than to start one.
type towns struct {
	*Networks
	networks []*Network
	living   map[string][]*Endpoint // by the ids of networks
}

func (t *towns) livingIn(network *Network) ([]*Endpoint, error) {
	living, known := t.living[network.ID]
	if known {
		return living, nil
	}
	living, err := t.livingEndpoints(network)
	if err != nil {
		return nil, err
	}
	t.living[network.ID] = living
	return living, nil
}

// familiar returns the endpoint that a container has in a network, or nil if it does not
// live there, and all that it knows by name there.
func (t *towns) familiar(network *Network, id string) (self *Endpoint, known []*Endpoint, err error) {
	self, err = t.endpoint(network, id)
	if self == nil || err != nil || !t.alive(id) {
		return nil, nil, err
	}
	if network.Name == Default {
		return self, nil, nil
	}
	living, err := t.livingIn(network)
	if err != nil {
		return nil, nil, err
	}
	known = slices.DeleteFunc(slices.Clone(living), func(e *Endpoint) bool { return e.ContainerID == id })
	return self, known, nil
}

// hostsOf returns our part of a container's file of hosts: first itself, and then those
// who are in its networks. One address has one line.
func (t *towns) hostsOf(id string) (string, error) {
	var own, others strings.Builder
	for _, network := range t.networks {
		self, known, err := t.familiar(network, id)
		if err != nil {
			return "", err
		}
		if self != nil {
			fmt.Fprintln(&own, self.hostsLine())
		}
		for _, endpoint := range known {
			fmt.Fprintln(&others, endpoint.hostsLine())
		}
	}
	return sortedLines(own.String()) + sortedLines(others.String()), nil
}

func sortedLines(text string) string {
	lines := slices.Collect(strings.Lines(text))
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// hostsLine is an address and all names that it has: of the container, and those by
// which it is known in this network.
func (e *Endpoint) hostsLine() string {
	names := slices.Concat([]string{e.Hostname, e.Name, e.ContainerID[:min(12, len(e.ContainerID))]}, e.Aliases)
	line := e.Address.Addr().String()
	for index, name := range names {
		if name != "" && !slices.Contains(names[:index], name) {
			line += "\t" + name
		}
	}
	return line
}

// errNoHosts means that there is no file of hosts, or none that is worked on: whoever
// has removed it wants no names.
var errNoHosts = errors.New("it has no file of hosts")

// replaceHosts gives our part of a file another content. The file is mounted in the
// container, so it must stay the same one: another of its name would not be seen. It is
// written at once, and what is longer than the new content is made empty lines before
// it is cut off; so whoever reads it meanwhile reads no line that never was.
func replaceHosts(path, block string) error {
	// What is in the container cannot put a link here, and a pipe does not block us.
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return errors.Join(errNoHosts, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > maxHosts {
		return errNoHosts
	}
	old, err := io.ReadAll(io.LimitReader(file, maxHosts))
	if err != nil {
		return err
	}
	content := withBlock(old, block)
	if bytes.Equal(old, content) {
		return nil
	}
	padded := append(content, bytes.Repeat([]byte("\n"), max(0, len(old)-len(content)))...)
	if _, err := file.WriteAt(padded, 0); err != nil {
		return err
	}
	if len(padded) > len(content) {
		return file.Truncate(int64(len(content)))
	}
	return nil
}

// withBlock returns a file of hosts with another part of ours.
func withBlock(old []byte, block string) []byte {
	if len(old) > 0 && old[len(old)-1] != '\n' {
		old = append(slices.Clone(old), '\n') // somebody has not ended the last line
	}
	before, rest, found := bytes.Cut(old, []byte(hostsBegin))
	var after []byte
	if found {
		if _, after, found = bytes.Cut(rest, []byte(hostsEnd)); !found {
			after = nil
		}
	}
	content := slices.Clone(before)
	if len(content) > 0 && content[len(content)-1] != '\n' {
		content = append(content, '\n')
	}
	if block != "" {
		content = append(content, hostsBegin+block+hostsEnd...)
	}
	return append(content, after...)
}
