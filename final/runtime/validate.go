package runtime

import (
	"errors"
	"fmt"
	"path/filepath"

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
	for _, check := range []func(*specs.Spec) error{validateNamespaces, validateUsers, validateMounts, validateSettings} {
		if err := check(spec); err != nil {
			return err
		}
	}
	return validateDevices(spec.Linux.Devices)
}

func validateProcess(process *specs.Process) error {
	if process == nil || len(process.Args) == 0 {
		return errors.New("the specification lacks a process or its program")
	}
	if !filepath.IsAbs(process.Cwd) {
		return errors.New("the specification has a working folder that is not absolute")
	}
	if err := validateLimits(process.Rlimits); err != nil {
		return err
	}
	return refuse(map[string]bool{
		"a CPU affinity":      process.ExecCPUAffinity != nil,
		"a scheduler":         process.Scheduler != nil,
		"an AppArmor profile": process.ApparmorProfile != "",
		"an I/O priority":     process.IOPriority != nil,
		"an SELinux label":    process.SelinuxLabel != "",
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
	return map[string]bool{
		"limits of no cgroup": linux.Resources != nil && linux.CgroupsPath == "",
		"a memory policy":     linux.MemoryPolicy != nil,
		"a personality":       linux.Personality != nil,
		"an SELinux label":    linux.MountLabel != "",
		"network devices":     len(linux.NetDevices) > 0,
		"hooks":               spec.Hooks != nil,
		"mount propagation":   linux.RootfsPropagation != "" && linux.RootfsPropagation != "private",
		"resource control":    linux.IntelRdt != nil,
		"time offsets":        len(linux.TimeOffsets) > 0,
	}
}

// validateNamespaces refuses what would have init work on the host itself, or in
// another container's mounts and processes.
func validateNamespaces(spec *specs.Spec) error {
	seen := make(map[specs.LinuxNamespaceType]bool)
	for _, namespace := range spec.Linux.Namespaces {
		_, known := namespaceFlags[namespace.Type]
		_, joins := joinable[namespace.Type]
		if !known || seen[namespace.Type] || namespace.Path != "" && !joins {
			return fmt.Errorf("the specification asks for the %s namespace %s, which is not supported, or twice", namespace.Type, namespace.Path)
		}
		seen[namespace.Type] = true
	}
	if !makes(spec, specs.MountNamespace) || !makes(spec, specs.PIDNamespace) {
		return errors.New("the specification leaves the container in the host's mount or pid namespace")
	}
	if spec.Hostname+spec.Domainname != "" && !makes(spec, specs.UTSNamespace) {
		return errors.New("the specification sets the host name or the domain name of the host")
	}
	return nil
}
