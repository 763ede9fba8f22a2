package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"mytinydocker/final/engine"
	"mytinydocker/final/seccomp"
)

// makeBundle writes the bundle of a container that is as tinydocker's are: the
// runtime's own example, with the same program, root, capabilities, filter and limit
// of processes.
func (b *bench) makeBundle(runtime string, program ...string) (folder string, err error) {
	folder = filepath.Join(b.folder, "bundle-"+runtime+"-"+program[0])
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	file := filepath.Join(folder, "config.json")
	_ = os.Remove(file) // of the row before
	example := exec.Command(runtime, "spec")
	example.Dir = folder
	if err := do(example); err != nil {
		return "", err
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	var spec specs.Spec
	if err := json.Unmarshal(content, &spec); err != nil {
		return "", fmt.Errorf("read the example of %s: %w", runtime, err)
	}
	limit, granted := int64(engine.DefaultPids), engine.DefaultCapabilities()
	spec.Root = &specs.Root{Path: b.rootfs}
	spec.Process.Terminal, spec.Process.Args = false, program
	spec.Process.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	spec.Process.Capabilities = &specs.LinuxCapabilities{Bounding: granted, Effective: granted, Permitted: granted}
	spec.Linux.Seccomp = unordered(seccomp.Default(granted))
	spec.Linux.Resources.Pids = &specs.LinuxPids{Limit: &limit}
	content, err = json.Marshal(spec)
	if err != nil {
		return "", err
	}
	return folder, os.WriteFile(file, content, 0o644)
}

// unordered makes a profile whose first rule counts one for a library that does not look
// at their order: there, a rule without conditions is stronger than one with some.
func unordered(profile *specs.LinuxSeccomp) *specs.LinuxSeccomp {
	decided := make(map[string]bool)
	for _, rule := range profile.Syscalls {
		if len(rule.Args) > 0 && rule.Action == specs.ActAllow {
			decided[rule.Names[0]] = true
		}
	}
	var rules []specs.LinuxSyscall
	for _, rule := range profile.Syscalls {
		if len(rule.Args) == 0 {
			rule.Names = slices.DeleteFunc(slices.Clone(rule.Names), func(name string) bool {
				before := decided[name]
				decided[name] = true
				return before
			})
		}
		if len(rule.Names) > 0 && (len(rule.Args) == 0 || rule.Action == specs.ActAllow) {
			rules = append(rules, rule)
		}
	}
	profile.Syscalls = rules
	return profile
}

// runtimes are those that take a bundle.
var runtimes = []string{"crun", "runc"}

// bundleRuns are the contenders that run true from a bundle, of the runtimes that are
// installed.
func (b *bench) bundleRuns() ([]contender, error) {
	var all []contender
	for _, runtime := range runtimes {
		if !installed(runtime) {
			continue
		}
		bundle, err := b.makeBundle(runtime, "true")
		if err != nil {
			return nil, err
		}
		number := 0
		all = append(all, timed(runtime, func() *exec.Cmd {
			number++
			return b.runtime(runtime, "run", "--bundle", bundle, fmt.Sprintf("run%d", number))
		}))
	}
	return all, nil
}

// runtime is a command of a runtime, with containers of its own.
func (b *bench) runtime(name string, arguments ...string) *exec.Cmd {
	return exec.Command(name, append([]string{"--root", filepath.Join(b.folder, name)}, arguments...)...)
}
