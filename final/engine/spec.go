package engine

import (
	"path/filepath"
	"slices"

	"github.com/moby/sys/user"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// capabilities are what root in a container may do. They are those that podman
// grants: Docker's without MKNOD, NET_RAW and AUDIT_WRITE, for devices, forged
// packets and a forged audit log.
var capabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
	"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

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
	return &specs.Spec{
		Version:  specs.Version,
		Process:  process,
		Root:     &specs.Root{Path: filepath.Join(e.folder(record.ID), "merged")},
		Hostname: record.Hostname,
		Mounts:   e.mountsOf(record),
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.MountNamespace}, {Type: specs.PIDNamespace}, {Type: specs.UTSNamespace},
				{Type: specs.IPCNamespace}, {Type: specs.NetworkNamespace},
			},
			MaskedPaths:   maskedPaths,
			ReadonlyPaths: readonlyPaths,
		},
	}, nil
}

// processOf is the container's program, with the rights of an account.
func processOf(record *Record, account *user.ExecUser) (*specs.Process, error) {
	env := slices.Clone(record.Env)
	if !hasVariable(env, "HOME") {
		env = append(env, "HOME="+account.Home)
	}
	process := &specs.Process{
		Terminal: record.Terminal,
		User:     specs.User{UID: uint32(account.Uid), GID: uint32(account.Gid)},
		Args:     record.Command(),
		Env:      env,
		Cwd:      record.WorkingDir,
		Capabilities: &specs.LinuxCapabilities{
			Bounding: capabilities, Effective: capabilities, Permitted: capabilities,
		},
		NoNewPrivileges: true,
	}
	if account.Uid != 0 {
		process.Capabilities.Effective, process.Capabilities.Permitted = nil, nil
	}
	for _, group := range account.Sgids {
		process.User.AdditionalGids = append(process.User.AdditionalGids, uint32(group))
	}
	return process, nil
}

// mountsOf are the mounts that a program expects, with the flags that runtimes
// agree on.
func (e *Engine) mountsOf(record *Record) []specs.Mount {
	mounts := []specs.Mount{
		e.rootOf(record),
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts",
			Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
	}
	for _, name := range []string{"hostname", "hosts", "resolv.conf"} {
		mounts = append(mounts, specs.Mount{
			Destination: "/etc/" + name, Type: "bind", Source: filepath.Join(e.folder(record.ID), name),
			Options: []string{"bind", "nosuid", "nodev", "noexec"},
		})
	}
	return mounts
}

// rootOf is the container's write layer over the layers of its image.
func (e *Engine) rootOf(record *Record) specs.Mount {
	root := specs.Mount{Destination: "/", Type: "overlay", Source: "overlay"}
	for _, layer := range slices.Backward(e.layerFolders(record)) {
		root.Options = append(root.Options, "lowerdir+="+layer)
	}
	folder := e.folder(record.ID)
	root.Options = append(root.Options, "upperdir="+filepath.Join(folder, "upper"), "workdir="+filepath.Join(folder, "work"))
	return root
}
