package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestNameIsTakenUntilTheContainerIsRemoved(t *testing.T) {
	host := newHost(t)
	name := testbed.Name(t)
	require.Zero(t, host.tinydocker("run", "--name", name, "base", "sh", "-c", "exit 3").Code-3)

	again := host.tinydocker("run", "--name", name, "base", "true")
	require.Equal(t, 125, again.Code)
	requireOneLine(t, again.Stderr)
	require.Contains(t, again.Stderr, name)

	listed := host.tinydocker("ps", "-a")
	require.Contains(t, listed.Stdout, name)
	require.Contains(t, listed.Stdout, "Exited (3)")
	require.NotContains(t, host.tinydocker("ps").Stdout, name)

	require.Equal(t, testbed.Result{Stdout: name + "\n"}, host.tinydocker("rm", name))
	host.requireNothingLeft()
	require.Equal(t, 1, host.tinydocker("rm", name).Code)
}

func TestOneOfManyWinsAName(t *testing.T) {
	host := newHost(t)
	require.Zero(t, host.base("true").Code)
	var running []*testbed.Process
	for range 8 {
		running = append(running, host.command("run", "--name", "wanted", "base", "true").Start(t))
	}
	codes := make(map[int]int)
	for _, process := range running {
		codes[process.Wait().Code]++
	}

	require.Equal(t, map[int]int{0: 1, 125: 7}, codes)
	require.Zero(t, host.tinydocker("rm", "wanted").Code)
	host.requireNothingLeft()
}

func TestRunningContainerIsRemovedOnlyByForce(t *testing.T) {
	host := newHost(t)
	running := host.command("run", "--name", "busy", "base", "sh", "-c", "echo ready; exec sleep 1000").Start(t)
	running.Expect("ready")
	require.Contains(t, host.tinydocker("ps").Stdout, "Up ")

	refused := host.tinydocker("rm", "busy")
	require.Equal(t, 1, refused.Code)
	requireOneLine(t, refused.Stderr)

	require.Zero(t, host.tinydocker("rm", "-f", "busy").Code)
	require.Equal(t, 128+9, running.Wait().Code)
	host.requireNothingLeft()
}

func TestContainerIsFoundByThePrefixOfItsID(t *testing.T) {
	host := newHost(t)
	require.Zero(t, host.tinydocker("run", "base", "true").Code)
	id := strings.TrimSpace(host.tinydocker("ps", "-aq").Stdout)
	require.Regexp(t, `^[0-9a-f]{12}$`, id)

	require.Zero(t, host.tinydocker("rm", id[:4]).Code)
	host.requireNothingLeft()
}

func TestContainersAreListedInDockersColumns(t *testing.T) {
	host := newHost(t)
	require.Zero(t, host.tinydocker("run", "--name", "listed", "base", "sh", "-c", "exit 0 # a long command").Code)

	short := strings.Split(host.tinydocker("ps", "-a").Stdout, "\n")
	long := strings.Split(host.tinydocker("ps", "-a", "--no-trunc").Stdout, "\n")

	require.Regexp(t, `^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$`, short[0])
	require.Regexp(t, `^[0-9a-f]{12} +base +"sh -c exit 0 # a .*…" +.* ago +Exited \(0\) .* ago +listed$`, short[1])
	require.Regexp(t, `^[0-9a-f]{64} +base +"sh -c exit 0 # a long command" +.* listed$`, long[1])
	require.Regexp(t, `^[0-9a-f]{64}\n$`, host.tinydocker("ps", "-aq", "--no-trunc").Stdout)
	require.Zero(t, host.tinydocker("rm", "listed").Code)
}

// What was typed may hold anything, and a line of an error is a line.
func TestErrorsAreOneLineWhateverIsInThem(t *testing.T) {
	host := newHost(t)
	for _, args := range [][]string{{"rm", "no\nsuch"}, {"no\nsuch"}, {"ps", "--no\nsuch"}, {"run", "no\nsuch"}, {"images", "un\nexpected"}, {"version", "x"}, {"ps", "x"}} {
		result := host.tinydocker(args...)

		require.NotZero(t, result.Code, "%q", args)
		require.Empty(t, result.Stdout)
		requireOneLine(t, result.Stderr)
	}
}

func TestImages(t *testing.T) {
	host := newHost(t)

	listed := host.tinydocker("images")

	require.Zero(t, listed.Code, listed.Stderr)
	lines := strings.Split(strings.TrimSpace(listed.Stdout), "\n")
	require.Regexp(t, `^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$`, lines[0])
	require.Regexp(t, `^base +latest +[0-9a-f]{12} +.* +[0-9.]+ ?MB$`, lines[1])
	require.Regexp(t, `^[0-9a-f]{12}\n$`, host.tinydocker("images", "-q").Stdout)
}

func TestVersion(t *testing.T) {
	host := newHost(t)
	result := host.tinydocker("version")

	require.Zero(t, result.Code)
	require.Contains(t, result.Stdout, "go1.")
	first, _, _ := strings.Cut(result.Stdout, "\n")
	require.Regexp(t, "^tinydocker .", first)
	for _, args := range [][]string{{"--version"}, {"-v"}, {"-v", "ps"}} {
		require.Equal(t, first, host.ok(args...), args)
	}
}

func TestInitIsNotForUsers(t *testing.T) {
	result := newHost(t).tinydocker("init")

	require.NotZero(t, result.Code)
	requireOneLine(t, result.Stderr)
}
