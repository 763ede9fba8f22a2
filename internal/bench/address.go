package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// hostLocal is the plugin that most users of CNI take their addresses from.
const hostLocal = "github.com/containernetworking/plugins/plugins/ipam/host-local@v1.9.1"

// hostLocalRounds is how many times an address is taken and given back for one sample: to give one
// back, the plugin reads as many files as there are addresses taken.
const hostLocalRounds = 1

// addresses are taken and given back as each does it for a container: tinydocker in its
// own process, with the file opened, locked and closed, and the plugin in a process of
// its own.
func (b *bench) addresses() ([]contender, func() error, error) {
	test := filepath.Join(b.folder, "network.test")
	if err := do(exec.Command("go", "test", "-c", "-o", test, "./final/network")); err != nil {
		return nil, nil, err
	}
	all := []contender{{name: ours, once: func() (float64, error) { return benchmarked(test, b.folder) }}}
	if !installed("host-local") {
		return all, nothing, nil
	}
	state := filepath.Join(b.folder, "host-local-state", "bench")
	if err := fillHostLocal(state); err != nil {
		return nil, nil, err
	}
	return append(all, contender{name: "host-local", once: func() (float64, error) {
		return b.hostLocalOnce(filepath.Dir(state))
	}}), nothing, nil
}

// installHostLocal builds the plugin in a folder. It is no program of a system, so it
// comes from where the sources of this program come from.
func installHostLocal(folder string) error {
	build := exec.Command("go", "install", hostLocal)
	build.Env = append(os.Environ(), "GOBIN="+folder, "GOFLAGS=-mod=mod")
	build.Dir = "/"
	return do(build)
}

// benchmarked runs the benchmark of our addresses and returns milliseconds per round.
func benchmarked(test, folder string) (float64, error) {
	command := exec.Command(test, "-test.run=^$", "-test.bench=^BenchmarkAddresses$/^16$/at_random", "-test.benchtime=200x")
	command.Dir = folder
	out, err := printed(command)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) >= 4 && fields[3] == "ns/op" {
			nanoseconds, err := strconv.ParseFloat(fields[2], 64)
			return nanoseconds / 1e6, err
		}
	}
	return 0, fmt.Errorf("the benchmark has no result: %s", out)
}

// fillHostLocal makes the plugin's state as it is when 95 of 100 addresses are taken: a
// file for each.
func fillHostLocal(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for index := 2; index < 65536*95/100; index++ {
		name := filepath.Join(folder, fmt.Sprintf("10.7.%d.%d", index/256, index%256))
		if err := os.WriteFile(name, []byte("other\r\neth0"), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) hostLocalOnce(state string) (float64, error) {
	config := fmt.Sprintf(`{"cniVersion":"1.0.0","name":"bench","type":"bridge",
		"ipam":{"type":"host-local","dataDir":%q,"ranges":[[{"subnet":"10.7.0.0/16"}]]}}`, state)
	taken, err := elapsed(func() error {
		for range hostLocalRounds {
			for _, what := range []string{"ADD", "DEL"} {
				plugin := exec.Command("host-local")
				plugin.Env = []string{"CNI_COMMAND=" + what, "CNI_CONTAINERID=ours", "CNI_NETNS=/none", "CNI_IFNAME=eth0", "CNI_PATH=/"}
				plugin.Stdin = strings.NewReader(config)
				if out, err := plugin.Output(); err != nil {
					return fmt.Errorf("%s: %w: %s", what, err, out)
				}
			}
		}
		return nil
	})
	return taken / hostLocalRounds, err
}
