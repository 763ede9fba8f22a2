package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mytinydocker/final/network"
)

// writeNetworkFiles writes what is mounted on the files of /etc by which programs find
// names, anew for each run of a container: what the host knows changes.
func (e *Engine) writeNetworkFiles(record *Record) error {
	files, err := e.networkFiles(record)
	if err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(e.folder(record.ID), name)
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("replace the container's /etc/%s: %w", name, err)
		}
		if err := writeFile(path, string(content), 0o644); err != nil {
			return fmt.Errorf("write the container's /etc/%s: %w", name, err)
		}
	}
	return nil
}

func (e *Engine) networkFiles(record *Record) (map[string][]byte, error) {
	files := map[string][]byte{"hostname": []byte(record.Hostname + "\n")}
	names := &record.Network.Names
	if record.Network.Host && len(names.Hosts) == 0 {
		for _, name := range []string{"hosts", "resolv.conf"} {
			content, err := os.ReadFile("/etc/" + name)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("read the host's /etc/%s: %w", name, err)
			}
			files[name] = content
		}
		return files, nil
	}
	gateway, err := e.gatewayOf(record)
	if err != nil {
		return nil, err
	}
	hosts, err := names.HostsFile(gateway)
	if err != nil {
		return nil, err
	}
	if len(record.Network.Endpoints) == 0 {
		hosts = fmt.Appendf(hosts, "127.0.0.1\t%s\n", record.Hostname)
	}
	files["hosts"], files["resolv.conf"] = hosts, names.ResolvConf()
	return files, nil
}

// gatewayOf is where a container finds the host, if somebody wants to know.
func (e *Engine) gatewayOf(record *Record) (netip.Addr, error) {
	asked := slices.ContainsFunc(record.Network.Names.Hosts, func(host string) bool { return strings.HasSuffix(host, network.HostGateway) })
	switch {
	case !asked:
		return netip.Addr{}, nil
	case record.Network.Host:
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	case len(record.Network.Endpoints) == 0:
		return netip.Addr{}, nil
	}
	networks, err := e.Networks()
	if err != nil {
		return netip.Addr{}, err
	}
	return networks.Gateway(record.Network.Endpoints[0].Network)
}

// networkFilesFolder is where the files are that a container has: those of the one whose
// network it has, for names go with addresses.
func (e *Engine) networkFilesFolder(record *Record) string {
	if record.Network.Shared != "" {
		return e.folder(record.Network.Shared)
	}
	return e.folder(record.ID)
}
