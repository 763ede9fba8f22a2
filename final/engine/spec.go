package engine

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/user"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// maskedPaths tell about the host, or control it, and have no namespace.
var maskedPaths = []string{
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
	"/sys/devices/virtual/powercap", "/sys/firmware", "/sys/fs/selinux",
}

// readonlyPaths are settings of the one kernel that all share.
var readonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}

// specOf is the container as the runtime gets it.
func (e *Engine) specOf(record *Record, size *specs.Box) (*specs.Spec, error) {
	account, err := e.accountAtRest(record)
	if err != nil {
		return nil, err
	}
	process, err := processOf(record, account)
	if err != nil {
		return nil, err
	}
	process.ConsoleSize = size
	root, err := e.rootOf(record)
	if err != nil {
		return nil, err
	}
	resources := resourcesOf(record)
	devices, err := devicesOf(record, resources)
	if err != nil {
		return nil, err
	}
	spec := &specs.Spec{
		Version:  specs.Version,
		Process:  process,
		Root:     &specs.Root{Path: filepath.Join(e.folder(record.ID), "merged"), Readonly: record.ReadOnly},
		Hostname: record.Hostname,
		Mounts:   append([]specs.Mount{root}, e.mountsOf(record)...),
		Linux: &specs.Linux{
			Namespaces: append([]specs.LinuxNamespace{
				{Type: specs.MountNamespace}, {Type: specs.PIDNamespace}, {Type: specs.UTSNamespace},
				{Type: specs.IPCNamespace}, {Type: specs.CgroupNamespace},
			}, networkNamespace(record)...),
			CgroupsPath: cgroupName(record.ID),
			Resources:   resources,
			Devices:     devices,
			Sysctl:      settingsOf(record),
		},
	}
	if !record.Security.Privileged {
		spec.Linux.MaskedPaths, spec.Linux.ReadonlyPaths = maskedPaths, readonlyPaths
	}
	if spec.Linux.Seccomp, err = seccompOf(&record.Security); err != nil {
		return nil, err
	}
	mapUsers(spec, record)
	return spec, nil
}

// settingsOf are the kernel's settings for a container. In links of its own everybody
// may ask who is there (ping(8), icmp(7)) and listen on any port: nobody else is to be
// protected there.
func settingsOf(record *Record) map[string]string {
	settings := make(map[string]string)
	if own := networkNamespace(record); len(own) == 1 && own[0].Path == "" {
		settings["net.ipv4.ping_group_range"] = "0 2147483647"
		if record.Users != nil { // the kernel takes no group that there is not
			settings["net.ipv4.ping_group_range"] = fmt.Sprintf("0 %d", record.Users.Count-1)
		}
		settings["net.ipv4.ip_unprivileged_port_start"] = "0"
	}
	maps.Copy(settings, record.Sysctls)
	return settings
}

// processOf is the container's program, with the rights of an account.
func processOf(record *Record, account *user.ExecUser) (*specs.Process, error) {
	env := slices.Clone(record.Env)
	if !hasVariable(env, "HOME") {
		env = append(env, "HOME="+account.Home)
	}
	granted, err := grantedCapabilities(&record.Security)
	if err != nil {
		return nil, err
	}
	process := &specs.Process{
		Terminal: record.Terminal,
		User:     specs.User{UID: uint32(account.Uid), GID: uint32(account.Gid)},
		Args:     record.Command(),
		Env:      env,
		Cwd:      record.WorkingDir,
		Capabilities: &specs.LinuxCapabilities{
			Bounding: granted, Effective: granted, Permitted: granted,
		},
		NoNewPrivileges: !record.Security.AllowNewPrivs && !record.Security.Privileged,
		Rlimits:         record.Ulimits,
	}
	if account.Uid != 0 {
		process.Capabilities.Effective, process.Capabilities.Permitted = nil, nil
	}
	// The first group is among the others, too: who could leave it could read what it must
	// not (CVE-2022-36109).
	for _, group := range append([]int{account.Gid}, account.Sgids...) {
		if !slices.Contains(process.User.AdditionalGids, uint32(group)) {
			process.User.AdditionalGids = append(process.User.AdditionalGids, uint32(group))
		}
	}
	return process, nil
}

// mountsOf are the mounts that a program expects, with the flags that runtimes
// agree on.
func (e *Engine) mountsOf(record *Record) []specs.Mount {
	mounts := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts",
			Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm",
			Options: []string{"nosuid", "noexec", "nodev", "mode=1777", fmt.Sprintf("size=%d", record.ShmSize)}},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
	}
	system := []string{"nosuid", "noexec", "nodev"}
	if !record.Security.Privileged {
		system = append(system, "ro")
	}
	mounts = append(mounts,
		specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: system},
		specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: system})
	for _, path := range slices.Sorted(maps.Keys(record.Tmpfs)) {
		mounts = append(mounts, tmpfsAt(path, record.Tmpfs[path]))
	}
	for _, name := range []string{"hostname", "hosts", "resolv.conf"} {
		folder := e.folder(record.ID)
		if name != "hostname" {
			folder = e.networkFilesFolder(record)
		}
		mounts = append(mounts, specs.Mount{
			Destination: "/etc/" + name, Type: "bind", Source: filepath.Join(folder, name),
			Options: []string{"bind", "nosuid", "nodev", "noexec"},
		})
	}
	return e.withMounts(mounts, record)
}

// tmpfsAt is a folder in memory, in which nothing can be executed unless the options
// say so.
func tmpfsAt(path, options string) specs.Mount {
	mount := specs.Mount{Destination: path, Type: "tmpfs", Source: "tmpfs", Options: []string{"noexec", "nosuid", "nodev"}}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "":
		case "exec", "suid", "dev":
			mount.Options = slices.DeleteFunc(mount.Options, func(other string) bool { return other == "no"+option })
		default:
			mount.Options = append(mount.Options, option)
		}
	}
	return mount
}

// rootOf is the container's write layer over the layers of its image.
func (e *Engine) rootOf(record *Record) (specs.Mount, error) {
	layers := e.layerFolders(record)
	slices.Reverse(layers)
	folder := e.folder(record.ID)
	return driverOf(record).Mount(layers, filepath.Join(folder, "upper"), filepath.Join(folder, "work"))
}
