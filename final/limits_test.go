package main

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestMemoryIsLimited(t *testing.T) {
	host := newHost(t)

	result := host.tinydocker("run", "--name", "hog", "-m", "32m", "base", "eat", "256m")

	require.Equal(t, 137, result.Code, result.Stderr)
	require.Equal(t, "true 137", host.ok("inspect", "-f", "{{.State.OOMKilled}} {{.State.ExitCode}}", "hog"))
	host.ok("rm", "hog")
	require.Zero(t, host.tinydocker("run", "--rm", "-m", "64m", "base", "true").Code)
	host.requireNothingLeft()
}

func TestProcessesAreLimited(t *testing.T) {
	host := newHost(t)

	result := host.tinydocker("run", "--rm", "--pids-limit", "60", "base", "forkbomb", "200")

	require.Regexp(t, `^forked \d\d?: `, result.Stdout)
	host.requireNothingLeft()
}

func TestLimitsAreUpdated(t *testing.T) {
	host := newHost(t)
	name := host.detached([]string{"-m", "64m", "--cpus", "0.5"}, "sh", "-c", patient)
	host.ready(name)

	require.Equal(t, name, host.ok("update", "-m", "128m", "--cpus", "1", "--restart", "on-failure:2", name))

	require.Equal(t, "134217728 1000000000 on-failure", host.ok("inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.RestartPolicy.Name}}", name))
	require.Contains(t, host.ok("stats", "--no-stream", name), " / 128MiB")
	host.refused(1, "update", name)
	host.refused(1, "update", "-m", "lots", name)
	host.refused(1, "update", "-m", "64m", "nosuch")
	host.refused(1, "update", "--memory-swap", "1m", name)
}

func TestPausedContainerStandsStill(t *testing.T) {
	host := newHost(t)
	name := host.detached(nil, "sh", "-c", `echo ready; i=0; while :; do i=$((i+1)); echo $i >/count; done`)
	host.ready(name)

	require.Equal(t, name, host.ok("pause", name))

	require.Contains(t, host.status(name), "(Paused)")
	require.Equal(t, "paused true", host.ok("inspect", "-f", "{{.State.Status}} {{.State.Paused}}", name))
	require.Contains(t, host.refused(125, "exec", name, "true"), "paused")
	host.refused(1, "pause", name)
	require.Equal(t, name, host.ok("unpause", name))
	host.refused(1, "unpause", name)
	require.Contains(t, host.status(name), "Up ")
	host.ok("exec", name, "true")
	host.ok("pause", name)
	host.ok("stop", "-t", "0", name)
	host.ok("start", name)
	host.ok("pause", name)
	host.ok("rm", "-f", name)
	host.requireNothingLeft()
	host.refused(1, "pause", name)
}

func TestStatsMeasure(t *testing.T) {
	host := newHost(t)
	name := host.detached([]string{"-m", "64m"}, "sh", "-c", `echo ready; while :; do :; done`)
	host.ready(name)

	var row map[string]string
	require.NoError(t, json.Unmarshal([]byte(host.ok("stats", "--no-stream", "--format", "json", name)), &row))

	share, err := strconv.ParseFloat(strings.TrimSuffix(row["CPUPerc"], "%"), 64)
	require.NoError(t, err, row)
	require.Greater(t, share, 1.0)
	require.Less(t, share, 250.0)
	require.Regexp(t, `[MK]iB / 64MiB$`, row["MemUsage"])
	require.Equal(t, name, row["Name"])
	require.NotEqual(t, "0", row["PIDs"])
	require.Regexp(t, `^CONTAINER ID +NAME +CPU % +MEM USAGE / LIMIT +MEM % +NET I/O +BLOCK I/O +PIDS\n`, host.ok("stats", "--no-stream"))
	streaming := host.command("stats").Start(t)
	streaming.Expect(name)
	streaming.Expect(name)
	host.refused(1, "stats", "--no-stream", "nosuch")
}

func TestTopListsTheContainersProcesses(t *testing.T) {
	host := newHost(t)
	name := host.detached(nil, "sh", "-c", `echo ready; sleep 4321; true`)
	host.ready(name)
	testbed.Eventually(t, "the program has a child", func() bool {
		return strings.Contains(host.ok("top", name), "sleep 4321\n") || strings.Contains(host.ok("top", name), "\n0") && strings.Count(host.ok("top", name), "\n") == 2
	})

	lines := strings.Split(host.ok("top", name), "\n")

	require.Regexp(t, `^UID +PID +PPID +STIME +TTY +TIME +CMD$`, lines[0])
	require.Len(t, lines, 3)
	pid := host.ok("inspect", "-f", "{{.State.Pid}}", name)
	require.Regexp(t, `^0 +`+pid+` +\d+ +\d\d:\d\d +\? +00:00:0\d +sh -c echo ready; sleep 4321; true$`, lines[1])
	host.ok("stop", "-t0", name)
	host.refused(1, "top", name)
}
