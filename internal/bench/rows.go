package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const ours = "tinydocker"

// row is a line of the table: something that is done in several ways.
type row struct {
	name, what string
	unit       string
	samples    int    // at most, or 0: what takes long is done less often
	subject    string // whose figures are compared with the others', ours if ""
	limits     map[string]float64
	prepare    func(*bench) (contenders []contender, done func() error, err error)
}

var rows = []row{
	{
		name: "run", what: "`run --rm --network none base true`", unit: "ms",
		limits: map[string]float64{"crun": 1.0, "the floor": 3.0, "docker": 0.05}, prepare: (*bench).runs,
	},
	{
		name: "run-port", what: "`run --rm -p 127.0.0.1:18080:80 base true` on the default bridge", unit: "ms",
		limits: map[string]float64{"docker": 0.06}, prepare: (*bench).runsWithPort,
	},
	{
		name: "exec", what: "`exec C true`", unit: "ms",
		limits: map[string]float64{"crun": 1.0}, prepare: (*bench).execs,
	},
	{
		name: "crowd", what: "`run -d base sleep` beside 299 others, against the first ones", unit: "ms",
		subject: "the 300th", limits: map[string]float64{"the first": 1.25}, prepare: (*bench).crowd,
	},
	{
		name: "ps", what: "`ps -a` with 500 containers, against 5", unit: "ms",
		subject: "with 500", limits: map[string]float64{"with 5": 5}, prepare: (*bench).lists,
	},
	{
		name: "layers", what: "`run --rm base true` from an image of 101 layers, against one", unit: "ms",
		subject: "with 101", prepare: (*bench).layers,
	},
	{
		name: "networks", what: "`run --rm base true` beside 100 other networks, against none", unit: "ms",
		subject: "with 101", prepare: (*bench).networks,
	},
	{
		name: "ports", what: "`run --rm -p 127.0.0.1:18080:80 base true` beside 100 published ports, against none", unit: "ms",
		subject: "with 101", prepare: (*bench).ports,
	},
	{
		name: "monitor", what: "memory (PSS) of what stays with an idle container in the background", unit: "kB", samples: 3,
		limits: map[string]float64{"docker": 0.3}, prepare: (*bench).monitors,
	},
	{
		name: "log", what: "a container that writes 500 MB to its log", unit: "ms", samples: 3,
		limits: map[string]float64{"docker": 0.7}, prepare: (*bench).logs,
	},
	{
		name: "unpack", what: "unpack a layer of 500 MB in 20,000 files", unit: "ms", samples: 3,
		limits: map[string]float64{"tar -x": 1.1}, prepare: (*bench).unpacks,
	},
	{
		name: "pull", what: "`pull` an image of 500 MB in 20,000 files", unit: "ms", samples: 3, prepare: (*bench).pulls,
	},
	{
		name: "commit", what: "commit 500 MB in 20,000 files", unit: "ms", samples: 3,
		limits: map[string]float64{"docker": 0.5}, prepare: (*bench).commits,
	},
	{
		name: "address", what: "take and give back an address of a /16 that is 95 % full", unit: "ms", samples: 5,
		limits: map[string]float64{"host-local": 0.05}, prepare: (*bench).addresses,
	},
}

func nothing() error { return nil }

func (b *bench) runs() ([]contender, func() error, error) {
	all := []contender{
		timed(ours, func() *exec.Cmd { return b.tinydocker("run", "--rm", "--network", "none", "base", "true") }),
		timed("the floor", func() *exec.Cmd { return exec.Command(b.floor, "run", b.folder) }),
	}
	bundles, err := b.bundleRuns()
	if err != nil {
		return nil, nil, err
	}
	all = append(all, bundles...)
	if installed("bwrap") {
		all = append(all, timed("bwrap", func() *exec.Cmd {
			return exec.Command("bwrap", "--unshare-all", "--bind", b.rootfs, "/", "--proc", "/proc", "--dev", "/dev", "true")
		}))
	}
	if installed("unshare") {
		all = append(all, timed("unshare", func() *exec.Cmd {
			return exec.Command("unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--root", b.rootfs, "true")
		}))
	}
	return append(all, b.dockerOnce("run", "--rm", "--network", "none", "base", "true")...), nothing, nil
}

func (b *bench) runsWithPort() ([]contender, func() error, error) {
	all := []contender{timed(ours, func() *exec.Cmd { return b.tinydocker("run", "--rm", "-p", "127.0.0.1:18080:80", "base", "true") })}
	return append(all, b.dockerOnce("run", "--rm", "-p", "127.0.0.1:18081:80", "base", "true")...), nothing, nil
}

func (b *bench) execs() (_ []contender, done func() error, err error) {
	if err := do(b.tinydocker("run", "-d", "--name", "exec", "--network", "none", "base", "sleep", "1h")); err != nil {
		return nil, nil, err
	}
	ends := []*exec.Cmd{b.tinydocker("rm", "-f", "exec")}
	pid, err := printed(b.tinydocker("inspect", "-f", "{{.State.Pid}}", "exec"))
	if err != nil {
		return nil, nil, err
	}
	all := []contender{timed(ours, func() *exec.Cmd { return b.tinydocker("exec", "exec", "true") })}
	if nsenter, err := exec.LookPath("nsenter"); err == nil {
		bare := []string{nsenter, "--target", pid, "--all", "true"}
		all = append(all, timed("the floor", func() *exec.Cmd { return exec.Command(b.floor, bare...) }),
			timed("nsenter", func() *exec.Cmd { return exec.Command(bare[0], bare[1:]...) }))
	}
	for _, runtime := range runtimes {
		if !installed(runtime) {
			continue
		}
		bundle, err := b.makeBundle(runtime, "sleep", "1h")
		if err != nil {
			return nil, nil, err
		}
		id := "exec-" + runtime
		start := b.runtime(runtime, "run", "--detach", "--bundle", bundle, id)
		start.Stderr = os.Stderr // a pipe would be the container's, and stay open
		if err := do(start); err != nil {
			return nil, nil, err
		}
		all = append(all, timed(runtime, func() *exec.Cmd { return b.runtime(runtime, "exec", id, "true") }))
		ends = append(ends, b.runtime(runtime, "delete", "--force", id))
	}
	if b.docker != nil {
		if err := do(b.docker.client("run", "-d", "--name", "exec", "--network", "none", "base", "sleep", "1h")); err != nil {
			return nil, nil, err
		}
		ends = append(ends, b.docker.client("rm", "-f", "exec"))
	}
	return append(all, b.dockerOnce("exec", "exec", "true")...), func() error { return doAll(ends) }, nil
}

func doAll(commands []*exec.Cmd) error {
	var all error
	for _, command := range commands {
		all = errors.Join(all, do(command))
	}
	return all
}

// lists are those of containers that have been made and not started.
func (b *bench) lists() ([]contender, func() error, error) {
	var all []contender
	for _, count := range []int{5, 500} {
		state := filepath.Join(b.folder, fmt.Sprint("list", count))
		elsewhere := func(arguments ...string) *exec.Cmd {
			command := b.tinydocker(arguments...)
			command.Env = []string{"PATH=" + os.Getenv("PATH"), "TINYDOCKER_ROOT=" + state, "TINYDOCKER_RUN=" + state + "-run"}
			return command
		}
		for range count {
			if err := do(elsewhere("create", "base", "true")); err != nil {
				return nil, nil, err
			}
		}
		all = append(all, timed(fmt.Sprint("with ", count), func() *exec.Cmd { return elsewhere("ps", "-a") }))
	}
	return all, nothing, nil
}
