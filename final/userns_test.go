package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// usersOf is the first of a container's own users, as inspect tells.
func (h *host) usersOf(name string) uint32 {
	h.t.Helper()
	var found []struct {
		HostConfig struct {
			UsernsMode string
			IDMappings struct{ UidMap, GidMap []string } //nolint:revive // as inspect has it
		}
	}
	require.NoError(h.t, json.Unmarshal([]byte(h.ok("inspect", name)), &found))
	config := found[0].HostConfig
	require.Equal(h.t, "auto", config.UsernsMode)
	require.Equal(h.t, config.IDMappings.UidMap, config.IDMappings.GidMap)
	fields := strings.Split(config.IDMappings.UidMap[0], ":")
	require.Equal(h.t, []string{"0", "65536"}, []string{fields[0], fields[2]})
	first, err := strconv.ParseUint(fields[1], 10, 32)
	require.NoError(h.t, err)
	return uint32(first)
}

func (h *host) pidOf(name string) string {
	h.t.Helper()
	return h.ok("inspect", "--format", "{{.State.Pid}}", name)
}

func TestRootWithUsersOfItsOwn(t *testing.T) {
	host := newHost(t)
	one := host.detached([]string{"--userns=auto"}, "sh", "-c", patient)
	two := host.detached([]string{"--userns", "auto"}, "sh", "-c", patient)
	host.ready(one)
	defer host.requireNothingLeft()
	defer host.ok("rm", "-f", one, two)
	first := host.usersOf(one)

	require.NotEqual(t, first, host.usersOf(two))
	require.GreaterOrEqual(t, first, uint32(0x78000000))
	require.Equal(t, "0", host.ok("exec", one, "id", "-u"))
	require.Equal(t, "1000", host.ok("exec", "-u", "1000", one, "id", "-u"))
	require.Equal(t, first, statOf(t, "/proc/"+host.pidOf(one)).Uid)
	require.Equal(t, fmt.Sprintf("0 %d 65536", first), strings.Join(strings.Fields(host.ok("exec", one, "cat", "/proc/self/uid_map")), " "))
	require.Contains(t, host.ok("top", one), fmt.Sprint(first))
	plain := host.plain()
	require.Equal(t, "host", host.ok("inspect", "--format", "{{.HostConfig.UsernsMode}}", plain))
	host.ok("rm", plain)
}

// plain makes a container without users of its own.
func (h *host) plain() string {
	h.t.Helper()
	return h.ok("create", "--userns=host", "base", "true")
}

func TestFilesOfAContainerWithUsersCanBecomeAnImage(t *testing.T) {
	host := newHost(t)
	here := t.TempDir()
	write(t, here+"/file", "from here\n")
	require.NoError(t, os.Chown(here+"/file", 7, 8))
	name := host.detached([]string{"--userns=auto", "-v", "data:/data"}, "sh", "-c",
		"echo x > /made && echo y > /data/made && chown 1000:1001 /made && rm /etc/passwd && "+patient)
	host.ready(name)
	id := host.ok("inspect", "--format", "{{.Id}}", name)
	upper := filepath.Join(host.root, "containers", id, "upper")
	first := host.usersOf(name)

	require.Equal(t, []uint32{1000, 1001}, owner(t, upper+"/made"))
	require.Equal(t, []uint32{0, 0}, owner(t, filepath.Join(host.root, "volumes/data/_data/made")))
	require.Contains(t, host.ok("diff", name), "A /made")
	require.Contains(t, host.ok("diff", name), "D /etc/passwd")
	require.Empty(t, host.ok("cp", "-a", here+"/file", name+":/tmp/running"))
	require.Equal(t, "7:8", host.ok("exec", name, "stat", "-c", "%u:%g", "/tmp/running"))
	require.Empty(t, host.ok("cp", here+"/file", name+":/data/"))
	require.Equal(t, []uint32{0, 0}, owner(t, filepath.Join(host.root, "volumes/data/_data/file")))
	require.Empty(t, host.ok("cp", "-a", name+":/made", here+"/back"))
	require.Equal(t, []uint32{1000, 1001}, owner(t, here+"/back"))
	host.ok("commit", name, "made:1")
	require.Equal(t, "1000:1001\n7:8", host.ok("run", "--rm", "made:1", "stat", "-c", "%u:%g", "/made", "/tmp/running"))
	require.Equal(t, "1000:1001", host.ok("run", "--rm", "--userns=auto", "made:1", "stat", "-c", "%u:%g", "/made"))
	host.ok("export", "-o", here+"/all.tar", name)
	host.ok("import", here+"/all.tar", "all:1")
	require.Equal(t, "0:0\n1000:1001", host.ok("run", "--rm", "all:1", "/bin/stat", "-c", "%u:%g", "/bin", "/made"))

	host.ok("stop", name)
	require.Empty(t, host.ok("cp", "-a", here+"/file", name+":/tmp/stopped"))
	host.ok("start", name)
	require.Equal(t, first, host.usersOf(name))
	require.Equal(t, "7:8", host.ok("exec", name, "stat", "-c", "%u:%g", "/tmp/stopped"))
	host.ok("restart", name)
	require.Equal(t, "0", host.ok("exec", name, "id", "-u"))

	// A volume is for all, whoever their users are.
	require.Equal(t, "0:0", host.ok("run", "--rm", "--userns=auto", "-v", "data:/data", "base", "sh", "-c", "echo z >> /data/made && stat -c %u:%g /data/made"))
	require.Equal(t, "y\nz", host.ok("run", "--rm", "-v", "data:/data", "base", "cat", "/data/made"))
	host.ok("rm", "-f", name)
	host.ok("volume", "rm", "data")
	host.requireNothingLeft()
}

func TestRootWithUsersOfItsOwnIsNobodyForTheHost(t *testing.T) {
	host := newHost(t)
	secret := t.TempDir()
	write(t, secret+"/secret", "of the host's root\n")
	require.NoError(t, os.Chmod(secret+"/secret", 0o600))
	require.NoError(t, os.Chmod(secret, 0o777))
	script := "cat /host/secret; stat -c %u /host/secret; echo mine > /host/made; chown 1000 /host/secret; mount -t tmpfs x /mnt 2>/dev/null || echo no mount"
	name := testbed.Name(t)

	result := host.tinydocker("run", "--name", name, "--userns=auto", "-v", secret+":/host", "base", "sh", "-c", script)
	defer host.ok("rm", name)

	require.Equal(t, "65534\nno mount\n", result.Stdout)
	require.Contains(t, strings.ToLower(result.Stderr), "permission denied")
	require.Equal(t, host.usersOf(name), statOf(t, secret+"/made").Uid)
	require.Zero(t, statOf(t, secret+"/secret").Uid)
}

func TestContainerWithUsersHasANetworkAndATerminal(t *testing.T) {
	host := newHost(t)
	name := host.detached([]string{"--userns=auto", "--init", "--device", "/dev/zero:/dev/mine", "--sysctl", "net.ipv4.ip_forward=1", "--ulimit", "nofile=99",
		"--read-only", "--tmpfs", "/run:mode=700", "-m", "64m"}, "sh", "-c", patient)
	defer host.ok("rm", "-f", name)

	require.Equal(t, "1", host.ok("exec", name, "cat", "/proc/sys/net/ipv4/ip_forward"))
	require.Contains(t, host.ok("exec", name, "ls", "/sys/class/net"), "eth0")
	require.Equal(t, "0 666", host.ok("exec", name, "stat", "-c", "%u %a", "/dev/mine"))
	require.Equal(t, "5", host.ok("exec", name, "sh", "-c", "head -c 5 /dev/mine | wc -c"))
	require.Contains(t, host.ok("exec", name, "grep", "files", "/proc/self/limits"), "99")
	require.Equal(t, "0 700", host.ok("exec", name, "stat", "-c", "%u %a", "/run"))
	require.Equal(t, "0:0", host.ok("exec", name, "stat", "-c", "%u:%g", "/etc/hosts"))
	require.NotZero(t, host.tinydocker("exec", name, "touch", "/x").Code)
	require.Contains(t, host.ok("run", "--rm", "--network", "container:"+name, "base", "ls", "/sys/class/net"), "eth0")
	terminal := host.command("exec", "-it", name, "sh", "-c", "tty && echo hi > /dev/tty").Terminal(t)
	terminal.Expect("hi")
	require.Zero(t, terminal.Wait().Code)
}

func TestUsersThatCannotBeAreRefused(t *testing.T) {
	host := newHost(t)
	other := host.detached([]string{"--userns=auto"}, "sh", "-c", patient)
	defer host.requireNothingLeft()
	defer host.ok("rm", "-f", other)
	for _, flags := range [][]string{{"--privileged"}, {"--network", "host"}, {"--network", "container:" + other}, {"--user", "70000"}} {
		requireOneLine(t, host.refused(125, append(append([]string{"run", "--rm", "--userns=auto"}, flags...), "base", "true")...))
	}
	requireOneLine(t, host.refused(125, "run", "--userns=keep-id", "base", "true"))
	requireOneLine(t, host.refused(125, "exec", "--privileged", other, "true"))
	require.Equal(t, "auto\nhost", host.ok("__complete", "run", "--userns", ""))
}

func TestDamagedUsersAreNotRun(t *testing.T) {
	host := newHost(t)
	name := host.ok("create", "--userns=auto", "base", "id")
	first := host.usersOf(name)
	path := filepath.Join(host.root, "containers", name, "config.json")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	damaged := strings.Replace(string(content), fmt.Sprint(first), "0", 1)
	require.NotEqual(t, string(content), damaged)
	require.NoError(t, os.WriteFile(path, []byte(damaged), 0o600))

	require.Contains(t, host.refused(1, "start", "-a", name), "users")
	require.Contains(t, host.ok("ps", "-a"), name[:12])
	host.ok("rm", "-f", name)
	host.requireNothingLeft()
}
