package runtime

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// ipcSettings are the settings of an IPC namespace (namespaces(7), sysvipc(7)).
var ipcSettings = []string{
	"kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax",
	"kernel/shmmni", "kernel/shm_rmid_forced",
}

// validateSettings refuses settings that are not those of a namespace which the
// container has for itself: they would be everybody's.
func validateSettings(spec *specs.Spec) error {
	for name := range spec.Linux.Sysctl {
		path := settingPath(name)
		needs := specs.LinuxNamespaceType("")
		switch {
		case !filepath.IsLocal(path) || filepath.Clean(path) != path:
		case slices.Contains(ipcSettings, path), strings.HasPrefix(path, "fs/mqueue/"):
			needs = specs.IPCNamespace
		case strings.HasPrefix(path, "net/"):
			needs = specs.NetworkNamespace
		}
		if needs == "" {
			return fmt.Errorf("the specification sets the sysctl %s, which is not a container's own", name)
		}
		if !makes(spec, needs) {
			return fmt.Errorf("the specification sets the sysctl %s without a %s namespace of its own", name, needs)
		}
	}
	return nil
}

// settingPath is the path of a setting below /proc/sys. As sysctl(8) has it, the
// first separator in a name says which of the two it is written with: an interface
// may have a dot in its name.
func settingPath(name string) string {
	if first := strings.IndexAny(name, "./"); first >= 0 && name[first] == '.' {
		return strings.ReplaceAll(name, ".", "/")
	}
	return name
}

// setSettings writes the settings. It makes sure that it does so in a /proc of the
// kernel's, and not in what an image has there.
func setSettings(settings map[string]string, log explain.Log) error {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		path := "/proc/sys/" + settingPath(name)
		log.Write(explain.Beyond, settings[name], path)
		if err := writeSetting(path, settings[name]); err != nil {
			return fmt.Errorf("set the sysctl %s to %q: %w", name, settings[name], err)
		}
	}
	return nil
}

func writeSetting(path, value string) error {
	file, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{Flags: unix.O_WRONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return err
	}
	defer unix.Close(file)
	var system unix.Statfs_t
	if err := unix.Fstatfs(file, &system); err != nil {
		return err
	}
	if system.Type != unix.PROC_SUPER_MAGIC {
		return errors.New("the container has no /proc of the kernel's")
	}
	_, err = unix.Write(file, []byte(value))
	return err
}
