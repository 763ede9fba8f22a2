package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/network"
)

// Networking is how a container is reached, and whom it reaches: by no link, by those
// of the host, by those of another container, or by its own, each to a network.
type Networking struct {
	None      bool                     `json:"none,omitempty"`
	Host      bool                     `json:"host,omitempty"`
	Shared    string                   `json:"shared,omitempty"` // the other container
	Endpoints []network.EndpointConfig `json:"endpoints,omitempty"`
	Ports     []network.PortMapping    `json:"ports,omitempty"`
	Names     network.Names            `json:"names,omitzero"`
}

// own reports whether the container has links of its own, or may get some.
func (n *Networking) own() bool { return !n.None && !n.Host && n.Shared == "" }

func (n *Networking) check() error {
	if !n.own() && len(n.Endpoints) > 0 {
		return errors.New("the networks none, host and container:NAME exclude all others: give one --network")
	}
	if !n.own() && len(n.Ports) > 0 {
		return errors.New("publishing ports needs a network of the container's own: leave out -p or --network")
	}
	return n.Names.Check()
}

// Networks opens the networks that containers can be in. They learn from us who lives.
func (e *Engine) Networks() (*network.Networks, error) {
	return network.Open(network.Options{Root: e.root, Run: e.run, Log: e.Explain, Alive: func(id string) bool {
		locked, err := e.isLocked(id)
		return locked || err != nil // whoever cannot be asked is not declared dead
	}})
}

// reservePorts reserves the ports of a container before anything of it is made: one that
// is taken by somebody else is found here.
func (w *watcher) reservePorts() (*network.Reservation, error) {
	if len(w.record.Network.Ports) == 0 {
		return nil, nil
	}
	networks, err := w.engine.Networks()
	if err != nil {
		return nil, err
	}
	return networks.Reserve(w.record.Network.Ports)
}

// connect joins a container to its networks, before its program runs.
func (w *watcher) connect(pid int, ports *network.Reservation) error {
	if len(w.record.Network.Endpoints) == 0 {
		return nil
	}
	networks, err := w.engine.Networks()
	if err != nil {
		return err
	}
	_, err = networks.Attach(w.engine.sandbox(w.record, fmt.Sprintf("/proc/%d/ns/net", pid)), w.record.Network.Endpoints, ports)
	return err
}

// sandbox is a container as the networks get it.
func (e *Engine) sandbox(record *Record, namespace string) network.Sandbox {
	return network.Sandbox{
		ID: record.ID, Name: record.Name, Hostname: record.Hostname, NetNS: namespace,
		HostsFile: filepath.Join(e.folder(record.ID), "hosts"),
	}
}

// leaveNetworks takes a container that has ended out of its networks.
func (e *Engine) leaveNetworks(id string) error {
	networks, err := e.Networks()
	if err != nil {
		return err
	}
	_, err = os.Lstat(e.sharedPath(id))
	return networks.Detach(id, err == nil)
}

// sharedPath is a file that says that others are in the network namespace of a
// container, and may be there when it has ended.
func (e *Engine) sharedPath(id string) string { return filepath.Join(e.runFolder(id), "shared") }

// joinedNamespace opens the network namespace of the container whose network another
// one has.
func (e *Engine) joinedNamespace(record *Record) (*os.File, error) {
	other := record.Network.Shared
	state, err := e.readState(other)
	var handle int
	if err == nil {
		handle, err = state.Program.open()
	}
	if errors.Is(err, errNoProcess) {
		return nil, fmt.Errorf("the container %.12s, whose network this one has, does not run: start it first", other)
	}
	if err != nil {
		return nil, err
	}
	defer unix.Close(handle)
	if err := writeFile(e.sharedPath(other), "", 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("say that we are in the network of the container %.12s: %w", other, err)
	}
	return namespaceOf(state.Program)
}

// namespaceOf opens the network namespace of a process. If the process is the same one
// behind that, the namespace is its.
func namespaceOf(program process) (*os.File, error) {
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", program.Pid))
	if err != nil {
		return nil, fmt.Errorf("open the network namespace of process %d: %w", program.Pid, err)
	}
	handle, err := program.open()
	if err != nil {
		namespace.Close()
		return nil, err
	}
	unix.Close(handle)
	return namespace, nil
}

// networkNamespace is the network of a container in a specification: one of its own, or
// that of another, which has yet to be found, or none, which is the host's.
func networkNamespace(record *Record) []specs.LinuxNamespace {
	if record.Network.Host || record.Network.Shared != "" {
		return nil
	}
	return []specs.LinuxNamespace{{Type: specs.NetworkNamespace}}
}

// shareNetwork has a specification join the network of the other container. The file is
// to be open until it has.
func (w *watcher) shareNetwork(spec *specs.Spec) (*os.File, error) {
	if w.record.Network.Shared == "" {
		return nil, nil
	}
	joined, err := w.engine.joinedNamespace(w.record)
	if err != nil {
		return nil, err
	}
	spec.Linux.Namespaces = append(spec.Linux.Namespaces,
		specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: fmt.Sprintf("/proc/self/fd/%d", joined.Fd())})
	return joined, nil
}

// setNetwork fills in what the user has left open of the network.
func (r *Record) setNetwork(options Options, config *v1.ImageConfig) error {
	r.Network = options.Network
	if r.Network.own() && len(r.Network.Endpoints) == 0 {
		r.Network.Endpoints = []network.EndpointConfig{{Network: network.Default}}
	}
	if !options.PublishAll {
		return nil
	}
	exposed := append(slices.Sorted(maps.Keys(config.ExposedPorts)), options.Expose...)
	for _, text := range exposed {
		mappings, err := network.ParsePorts(text)
		if err != nil {
			return err
		}
		for _, mapping := range mappings {
			published := slices.ContainsFunc(r.Network.Ports, func(p network.PortMapping) bool {
				return p.Container == mapping.Container && p.Protocol == mapping.Protocol
			})
			if !published {
				r.Network.Ports = append(r.Network.Ports, mapping)
			}
		}
	}
	return nil
}
