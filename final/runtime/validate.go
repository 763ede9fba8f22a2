package runtime

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// validate refuses a specification that this package does not carry out as a
// whole: to leave out a protection that was asked for would be to fail open.
func validate(spec *specs.Spec) error {
	if spec.Root == nil || spec.Linux == nil {
		return errors.New("the specification lacks a root or its Linux part")
	}
	if !filepath.IsAbs(spec.Root.Path) {
		return errors.New("the specification has a root that is not absolute")
	}
	if err := validateProcess(spec.Process); err != nil {
		return err
	}
	if err := refuse(notSupported(spec)); err != nil {
		return err
	}
	return validateNamespaces(spec)
}

func validateProcess(process *specs.Process) error {
	if process == nil || len(process.Args) == 0 {
		return errors.New("the specification lacks a process or its program")
	}
	if !filepath.IsAbs(process.Cwd) {
		return errors.New("the specification has a working folder that is not absolute")
	}
	return refuse(map[string]bool{
		"a CPU affinity":      process.ExecCPUAffinity != nil,
		"a scheduler":         process.Scheduler != nil,
		"a umask":             process.User.Umask != nil,
		"an AppArmor profile": process.ApparmorProfile != "",
		"an I/O priority":     process.IOPriority != nil,
		"an OOM score":        process.OOMScoreAdj != nil,
		"an SELinux label":    process.SelinuxLabel != "",
		"resource limits":     len(process.Rlimits) > 0,
	})
}

func refuse(parts map[string]bool) error {
	for part, asked := range parts {
		if asked {
			return fmt.Errorf("the specification asks for %s, which is not supported", part)
		}
	}
	return nil
}

func notSupported(spec *specs.Spec) map[string]bool {
	linux := spec.Linux
	mapped := func(mount specs.Mount) bool { return len(mount.UIDMappings)+len(mount.GIDMappings) > 0 }
	return map[string]bool{
		"a cgroup":          linux.CgroupsPath != "" || linux.Resources != nil,
		"a domain name":     spec.Domainname != "",
		"a memory policy":   linux.MemoryPolicy != nil,
		"a personality":     linux.Personality != nil,
		"a read-only root":  spec.Root.Readonly,
		"a seccomp filter":  linux.Seccomp != nil,
		"an SELinux label":  linux.MountLabel != "",
		"devices":           len(linux.Devices)+len(linux.NetDevices) > 0,
		"hooks":             spec.Hooks != nil,
		"mount propagation": linux.RootfsPropagation != "" && linux.RootfsPropagation != "private",
		"mapped users":      len(linux.UIDMappings)+len(linux.GIDMappings) > 0 || slices.ContainsFunc(spec.Mounts, mapped),
		"resource control":  linux.IntelRdt != nil,
		"sysctls":           len(linux.Sysctl) > 0,
		"time offsets":      len(linux.TimeOffsets) > 0,
	}
}

// validateNamespaces refuses what would have init work on the host itself.
func validateNamespaces(spec *specs.Spec) error {
	var made []specs.LinuxNamespaceType
	for _, namespace := range spec.Linux.Namespaces {
		if _, known := namespaceFlags[namespace.Type]; !known || namespace.Path != "" {
			return fmt.Errorf("the specification asks for the %s namespace %s, which is not supported", namespace.Type, namespace.Path)
		}
		made = append(made, namespace.Type)
	}
	if !slices.Contains(made, specs.MountNamespace) || !slices.Contains(made, specs.PIDNamespace) {
		return errors.New("the specification leaves the container in the host's mount or pid namespace")
	}
	if spec.Hostname != "" && !slices.Contains(made, specs.UTSNamespace) {
		return errors.New("the specification sets the host name of the host")
	}
	return nil
}
