package runtime

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// logClone names the making of the namespaces, as unshare(1) does it.
func logClone(spec *specs.Spec, log explain.Log) {
	command := []string{"unshare"}
	for _, namespace := range spec.Linux.Namespaces {
		if namespace.Path == "" {
			command = append(command, "--"+unshareOptions[namespace.Type])
		}
	}
	if own := usersOf(spec); own.Own() {
		mapping := fmt.Sprintf("=0:%d:%d", own.First, own.Count)
		command = append(command, "--map-users"+mapping, "--map-groups"+mapping)
	}
	log.Run(explain.Namespaces, append(command, "--fork", "sh")...)
}

var unshareOptions = map[specs.LinuxNamespaceType]string{
	specs.MountNamespace: "mount", specs.PIDNamespace: "pid", specs.UTSNamespace: "uts", specs.IPCNamespace: "ipc",
	specs.NetworkNamespace: "net", specs.CgroupNamespace: "cgroup",
	specs.UserNamespace: "user",
}

// logOverlay names an overlay mount with the layers' real paths, in which the kernel
// wants some characters escaped.
func logOverlay(options []string, target string, log explain.Log) {
	escape := strings.NewReplacer(`\`, `\\`, ":", `\:`, ",", `\,`)
	var lower, rest []string
	for _, option := range options {
		name, path, _ := strings.Cut(option, "=")
		if name == "lowerdir+" {
			lower = append(lower, escape.Replace(realPath(path)))
		} else {
			rest = append(rest, name+"="+escape.Replace(realPath(path)))
		}
	}
	data := append([]string{"nodev", "lowerdir=" + strings.Join(lower, ":")}, rest...)
	log.Run(explain.Layers, "mount", "-t", "overlay", "-o", strings.Join(data, ","), "overlay", target)
}

// logBind names a bind mount as a person would make it: while its source can still
// be seen, below the root to be. We attach it later, with the others in their order.
func logBind(mount specs.Mount, root string, log explain.Log, options ...string) {
	if log == nil {
		return
	}
	flags, _ := splitOptions(mount.Options)
	target, kind := filepath.Join(root, mount.Destination), "--bind"
	if flags&unix.MS_REC != 0 {
		kind = "--rbind"
	}
	if _, err := os.Stat(target); err != nil {
		logMountPoint(mount.Source, target, log)
	}
	command := append([]string{"mount", kind}, options...)
	log.Run(explain.Volumes, append(command, realPath(mount.Source), target)...)
	if restrictions := restrictionsIn(mount.Options); restrictions != "" {
		log.Run(explain.Volumes, "mount", "-o", "remount,bind,"+restrictions, target)
	}
}

// logMapped does the same with a mount that may have other users than its files.
func logMapped(mount specs.Mount, root string, namespace *os.File, log explain.Log) {
	if len(mount.UIDMappings) == 0 {
		logBind(mount, root, log)
		return
	}
	logBind(mount, root, log, "-o", "X-mount.idmap="+namespace.Name())
}

// logProc names the mount of /proc, which a person would make then, too: umount(8)
// cannot let go of the old root without.
func logProc(mount specs.Mount, root string, log explain.Log) {
	if isProc(mount) {
		logFilesystem(mount, filepath.Join(root, mount.Destination), log)
	}
}

func isProc(mount specs.Mount) bool { return mount.Type == "proc" && mount.Destination == "/proc" }

func logFilesystem(mount specs.Mount, target string, log explain.Log) {
	command := []string{"mount", "-t", mount.Type}
	if len(mount.Options) > 0 {
		command = append(command, "-o", strings.Join(mount.Options, ","))
	}
	log.Run(explain.Namespaces, append(command, mount.Source, target)...)
}

func logMountPoint(source, target string, log explain.Log) {
	info, err := os.Stat(source)
	if err == nil && info.IsDir() {
		log.Run(explain.Volumes, "mkdir", "-p", target)
		return
	}
	log.Run(explain.Volumes, "mkdir", "-p", filepath.Dir(target))
	log.Run(explain.Volumes, "touch", target)
}

func restrictionsIn(options []string) string {
	var found []string
	for _, option := range options {
		switch option {
		case "ro", "nosuid", "nodev", "noexec":
			found = append(found, option)
		}
	}
	return strings.Join(found, ",")
}

// logProgram names the execution of the program and what it gives up before, as
// setpriv(1) does it. The filter has no command that makes it: filter.bpf stands for
// that.
func logProgram(process *specs.Process, filtered bool, log explain.Log) {
	if log == nil {
		return
	}
	granted, user := process.Capabilities, process.User
	if granted == nil {
		granted = &specs.LinuxCapabilities{}
	}
	command := []string{"setpriv", fmt.Sprintf("--reuid=%d", user.UID), fmt.Sprintf("--regid=%d", user.GID)}
	if len(user.AdditionalGids) == 0 {
		command = append(command, "--clear-groups")
	} else {
		command = append(command, "--groups="+strings.Trim(strings.ReplaceAll(fmt.Sprint(user.AdditionalGids), " ", ","), "[]"))
	}
	command = append(command, "--bounding-set="+only(granted.Bounding), "--inh-caps="+only(granted.Inheritable))
	if len(granted.Ambient) > 0 {
		command = append(command, "--ambient-caps="+only(granted.Ambient))
	}
	if process.NoNewPrivileges {
		command = append(command, "--no-new-privs")
	}
	if filtered {
		command = append(command, "--seccomp-filter=filter.bpf")
	}
	log.Run(explain.Beyond, append(command, process.Args...)...)
}

// only is a set of capabilities as setpriv(1) takes it.
func only(names []string) string {
	set := "-all"
	for _, name := range names {
		set += ",+" + strings.TrimPrefix(strings.ToLower(name), "cap_")
	}
	return set
}

// realPath is what others would call a file that we know by its descriptor: its
// path, or, if it has none, where it is found as long as we live.
func realPath(path string) string {
	descriptor, ours := strings.CutPrefix(path, "/proc/self/fd/")
	if !ours {
		return path
	}
	if target, err := os.Readlink(path); err == nil && filepath.IsAbs(target) {
		return target
	}
	return fmt.Sprintf("/proc/%d/fd/%s", os.Getpid(), descriptor)
}
