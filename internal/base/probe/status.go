package probe

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/moby/sys/capability"
)

// status reads what only /proc/self/status tells (proc_pid_status(5)).
func (r *Report) status() error {
	content, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	fields := make(map[string]string)
	for _, line := range strings.Split(string(content), "\n") {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.TrimSpace(value)
	}
	r.NoNewPrivs = fields["NoNewPrivs"] == "1"
	r.CPUsAllowed = fields["Cpus_allowed_list"]
	r.Seccomp, _ = strconv.Atoi(fields["Seccomp"])
	r.Capabilities = make(map[string][]string)
	for kind, field := range map[string]string{
		"effective": "CapEff", "permitted": "CapPrm", "inheritable": "CapInh", "bounding": "CapBnd", "ambient": "CapAmb",
	} {
		mask, err := strconv.ParseUint(fields[field], 16, 64)
		if err != nil {
			return fmt.Errorf("read %s: %w", field, err)
		}
		r.Capabilities[kind] = capabilities(mask)
	}
	return nil
}

func capabilities(mask uint64) []string {
	names := []string{}
	for _, known := range capability.ListKnown() {
		if mask&(1<<uint(known)) != 0 {
			names = append(names, "CAP_"+strings.ToUpper(known.String()))
		}
	}
	return names
}

// files lists the open files, without the folder that is read for it and those
// that the Go runtime opens for itself.
func (r *Report) files() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	r.Files = make(map[int]string)
	for _, entry := range entries {
		descriptor, err := strconv.Atoi(entry.Name())
		if err != nil {
			return err
		}
		target, err := os.Readlink("/proc/self/fd/" + entry.Name())
		if err == nil && !strings.HasPrefix(target, "anon_inode:[event") && !strings.HasPrefix(target, "/sys/fs/cgroup/") {
			r.Files[descriptor] = target
		}
	}
	return nil
}

func (r *Report) links() error {
	interfaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, found := range interfaces {
		link := Link{Name: found.Name, Up: found.Flags&net.FlagUp != 0}
		addresses, err := found.Addrs()
		if err != nil {
			return err
		}
		for _, address := range addresses {
			link.Addresses = append(link.Addresses, address.String())
		}
		r.Links = append(r.Links, link)
	}
	return nil
}
