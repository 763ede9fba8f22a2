package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPruneRemovesWhatDoesNotRun(t *testing.T) {
	host := threeContainers(t)
	host.refused(1, "system", "prune") // nobody is there to be asked

	require.Regexp(t, `^[0-9a-f]{64}\nTotal reclaimed space: 0B$`, host.ok("container", "prune", "-f", "--filter", "label=tier=front"))
	require.Regexp(t, `^[0-9a-f]{64}\nTotal reclaimed space: `, host.ok("system", "prune", "-f"))

	require.Equal(t, "third", host.ok("ps", "-a", "--format", "{{.Names}}"))
	host.ok("network", "create", "unused")
	require.Contains(t, host.ok("system", "prune", "-f"), "unused\n")
	require.NotContains(t, host.ok("network", "ls"), "unused")
	require.Equal(t, "Total reclaimed space: 0B", host.ok("system", "prune", "-f"))
}

func TestPruneAsksAPerson(t *testing.T) {
	host := newHost(t)
	host.ok("create", "--name", "precious", "base", "true")
	terminal := host.command("system", "prune").Terminal(t)
	terminal.Expect("[y/N]")
	terminal.Send("n\n")
	require.Equal(t, 1, terminal.Wait().Code)
	require.NotEmpty(t, host.status("precious"))

	again := host.command("system", "prune").Terminal(t)
	again.Expect("[y/N]")
	again.Send("y\n")
	require.Zero(t, again.Wait().Code)

	require.Empty(t, host.status("precious"))
	host.requireNothingLeft()
}

func TestInfoCounts(t *testing.T) {
	host := threeContainers(t)

	require.Equal(t, "3 1 0 2", host.ok("info", "-f", "{{.Containers}} {{.ContainersRunning}} {{.ContainersPaused}} {{.ContainersStopped}}"))
	require.Contains(t, host.ok("system", "info"), "Containers: 3\n Running: 1\n")
	require.Contains(t, host.ok("info", "--format", "json"), `"Driver":"`+host.driver+`"`)
}

func TestRoomIsMeasured(t *testing.T) {
	host := newHost(t)
	require.Zero(t, host.tinydocker("run", "--name", "writer", "base", "sh", "-c", "head -c 123000 /dev/zero >/x").Code)
	host.ok("volume", "create", "empty")

	table := host.ok("system", "df")

	require.Regexp(t, `^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE\nImages +1 +1 +[0-9.]+MB +0B \(0%\)\nContainers +1 +0 +123kB +123kB \(100%\)\nLocal Volumes +1 +0 +0B +0B \(0%\)$`, table)
	require.Equal(t, "123kB", strings.Fields(host.ok("system", "df", "--format", "{{.Size}}"))[1])
	host.ok("rm", "writer")
	require.Contains(t, host.ok("system", "df"), "Containers      0       0")
	host.ok("volume", "rm", "empty")
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	host := newHost(t)
	host.ok("create", "--name", "sound", "base", "true")
	id := host.ok("create", "--name", "damaged", "base", "true")
	unnamed := host.ok("create", "--name", "unnamed", "base", "true")
	host.requireSound()
	write(t, filepath.Join(host.root, "containers", id, "config.json"), "{")
	write(t, filepath.Join(host.root, "names", "ghost"), strings.Repeat("0", 64))
	require.NoError(t, os.Remove(filepath.Join(host.root, "names", "unnamed")))
	require.NoError(t, os.MkdirAll(filepath.Join(host.root, "containers", strings.Repeat("1", 64)), 0o700))

	found := host.checked()

	require.Equal(t, 1, found.Code)
	for _, want := range []string{id[:12], "ghost", unnamed[:12], "111111111111"} {
		require.Contains(t, found.Stdout, want)
	}
	require.Equal(t, 4, strings.Count(found.Stdout, "\n"))
	repaired := host.checked("--repair")
	require.Equal(t, 1, repaired.Code, "the record cannot be brought back")
	require.Equal(t, 3, strings.Count(repaired.Stdout, ": repaired\n"))
	again := host.checked()
	require.Equal(t, 1, strings.Count(again.Stdout, "\n"))
	host.ok("rm", "damaged", "sound", "unnamed")
	host.requireSound()
	host.requireNothingLeft()
}

func TestContainerGroupHasTheSameCommands(t *testing.T) {
	host := newHost(t)
	host.ok("container", "create", "--name", "grouped", "base", "true")

	require.Contains(t, host.ok("container", "ls", "-a"), "grouped")
	host.ok("container", "rm", "grouped")
	require.Contains(t, host.refused(1, "container", "nosuch"), "container --help")
	require.Contains(t, host.ok("container"), "prune")
}
