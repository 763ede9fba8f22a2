package main

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// explained is what run says with --explain, in lines.
func explained(t *testing.T, host *host, args ...string) []string {
	t.Helper()
	result := host.tinydocker(append([]string{"--explain"}, args...)...)
	require.Zero(t, result.Code, result.Stderr)
	return strings.Split(strings.TrimSpace(result.Stderr), "\n")
}

func indexOf(t *testing.T, lines []string, prefix string) int {
	t.Helper()
	for index, line := range lines {
		if strings.HasPrefix(line, prefix) {
			return index
		}
	}
	require.Fail(t, "not explained", "%s in\n%s", prefix, strings.Join(lines, "\n"))
	return -1
}

func TestExplainNamesEveryStepInItsOrder(t *testing.T) {
	host := newHost(t)

	lines := explained(t, host, "run", "--rm", "-m", "64m", "base", "true")

	last := -1
	for _, step := range []string{
		"# stage02-cgroups", "ID=", "mkdir /sys/fs/cgroup/", "# stage01-namespaces", "unshare --mount", "mount --make-rprivate /",
		"mount -t " + host.driver, "mount -t proc", "pivot_root . .", "umount -l .", "mknod -m 666 /dev/null c 1 3", "hostname ", "setpriv ",
	} {
		at := indexOf(t, lines[last+1:], step) + last + 1
		require.Greater(t, at, last, step)
		last = at
	}
	for _, line := range lines {
		require.LessOrEqual(t, len(line), 400, "%s", line)
	}
	host.requireNothingLeft()
}

func TestExplainSaysNothingUnasked(t *testing.T) {
	host := newHost(t)

	require.Empty(t, host.tinydocker("run", "--rm", "base", "true").Stderr)
}

func TestExplainIsHeardFromAMonitor(t *testing.T) {
	host := newHost(t)
	lines := explained(t, host, "run", "-d", "--name", "told", "base", "sh", "-c", patient)
	indexOf(t, lines, "pivot_root")
	host.ready("told")

	joined := explained(t, host, "exec", "told", "true")
	indexOf(t, joined, "nsenter ")
	stopped := explained(t, host, "stop", "told")
	indexOf(t, stopped, "kill -TERM ")
	removed := explained(t, host, "rm", "told")
	require.NotEmpty(t, removed)
	host.requireNothingLeft()
}

// What is printed, typed into a shell, makes the same limits and the same root. (The
// steps behind pivot_root, for which the tools of the host are needed inside, are tried
// in package runtime, and those of the network in package network.)
func TestExplainedStepsDoTheSame(t *testing.T) {
	host := newHost(t)
	program := "ls / /etc; cat /etc/hostname /etc/hosts; id"
	host.ok("create", "--name", "model", "-m", "64m", "--pids-limit", "50", "--network", "none", "base", "sh", "-c", program)
	result := host.tinydocker("--explain", "start", "-a", "model")
	require.Zero(t, result.Code, result.Stderr)
	require.Contains(t, result.Stderr, "ID="+host.ok("inspect", "-f", "{{.Id}}", "model")+"\n")
	limits, root, found := strings.Cut(result.Stderr, "\nunshare ")
	require.True(t, found, result.Stderr)
	_, root, _ = strings.Cut(root, "\n")
	root, _, found = strings.Cut(root, "pivot_root")
	require.True(t, found, result.Stderr)
	// With cgroup v2 it is a program that decides on devices, and that cannot be typed.
	limits = regexp.MustCompile(`(?m)^bpftool .*$`).ReplaceAllString(limits, "")
	names := strings.Join(regexp.MustCompile(`(?m)^ID=.*$`).FindAllString(limits, -1), "\n") + "\n"
	root = names + regexp.MustCompile(`(?m)^.*cgroup\.procs$`).ReplaceAllString(root, "")

	made := regexp.MustCompile(`(?m)^mkdir (.*)$`).FindAllStringSubmatch(limits, -1)
	removal := "trap 'rmdir"
	for _, folder := range slices.Backward(made) {
		removal += " " + folder[1]
	}
	removal += " 2>/dev/null' EXIT\n" // parents that others use stay
	values := map[string]string{"pids.max": "50\n", "memory.limit_in_bytes": "67108864\n", "memory.max": "67108864\n"}
	files := regexp.MustCompile(`(?m)> (.*/(memory\.limit_in_bytes|memory\.max|pids\.max))$`).FindAllStringSubmatch(limits, -1)
	require.Len(t, files, 2, limits)
	require.Equal(t, values[files[0][2]]+values[files[1][2]], inShell(t, nil, names+removal+limits+"\ncat "+files[0][1]+" "+files[1][1]))
	require.Equal(t, result.Stdout, inShell(t, []string{"unshare", "--mount", "--uts", "--fork"}, root+"\nchroot . /bin/sh -c '"+program+"'"))

	host.ok("rm", "model")
}

// inShell types a script into a shell.
func inShell(t *testing.T, before []string, script string) string {
	t.Helper()
	words := append(before, "sh", "-e")
	shell := exec.Command(words[0], words[1:]...)
	shell.Stdin = strings.NewReader(script + "\n")
	shell.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	output, err := shell.CombinedOutput()
	require.NoError(t, err, "%s\n%s", output, script)
	return string(output)
}
