package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// ok runs a command that must succeed and returns what it prints, without the last
// newline.
func (h *host) ok(args ...string) string {
	h.t.Helper()
	result := h.tinydocker(args...)
	require.Zero(h.t, result.Code, "%q: %s%s", args, result.Stderr, result.Stdout)
	require.Empty(h.t, result.Stderr, "%q", args)
	return strings.TrimSuffix(result.Stdout, "\n")
}

// refused runs a command that must fail with one line, and returns that.
func (h *host) refused(code int, args ...string) string {
	h.t.Helper()
	result := h.tinydocker(args...)
	require.Equal(h.t, code, result.Code, "%q: %s", args, result.Stderr)
	requireOneLine(h.t, result.Stderr)
	return result.Stderr
}

// detached starts a program in the background and returns the container's name. What
// is left of it at the end of the test is removed.
func (h *host) detached(flags []string, command ...string) string {
	h.t.Helper()
	name := testbed.Name(h.t)
	args := append([]string{"run", "-d", "--name", name}, flags...)
	id := h.ok(append(append(args, "base"), command...)...)
	require.Regexp(h.t, `^[0-9a-f]{64}$`, id)
	h.t.Cleanup(func() { h.tinydocker("rm", "-f", name) })
	return name
}

// patient is a program that waits for the signal that asks it to end.
const patient = `trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.02; done`

// ready waits until a program in the background has printed that it is.
func (h *host) ready(name string) {
	h.t.Helper()
	testbed.Eventually(h.t, name+" is ready", func() bool { return strings.Contains(h.tinydocker("logs", name).Stdout, "ready") })
}

// status is what ps says of a container, or "" if it does not list it.
func (h *host) status(name string) string {
	h.t.Helper()
	for line := range strings.Lines(h.ok("ps", "-a")) {
		if strings.HasSuffix(strings.TrimSpace(line), " "+name) {
			return line
		}
	}
	return ""
}

func TestDetachedContainerRunsOn(t *testing.T) {
	host := newHost(t)
	name := host.detached(nil, "sh", "-c", patient)
	host.ready(name)

	require.Contains(t, host.status(name), "Up ")
	require.Equal(t, name, host.ok("stop", name))
	require.Contains(t, host.status(name), "Exited (7)")
	require.Equal(t, "7", host.ok("wait", name))
	require.Equal(t, "ready\nbye", host.ok("logs", name))
	require.Equal(t, name, host.ok("rm", name))
	host.requireNothingLeft()
}

func TestDetachedContainerIsRemovedAtItsEnd(t *testing.T) {
	host := newHost(t)
	name := host.detached([]string{"--rm"}, "sh", "-c", patient)
	host.ready(name)
	waiting := host.command("wait", name).Start(t)
	following := host.command("logs", "-f", name).Start(t)
	following.Expect("ready")

	host.ok("stop", name)

	require.Equal(t, testbed.Result{Stdout: "7\n"}, waiting.Wait())
	require.Equal(t, testbed.Result{Stdout: "ready\nbye\n"}, following.Wait())
	host.requireNothingLeft()
}

func TestWhatCannotStartInTheBackgroundIsGone(t *testing.T) {
	host := newHost(t)
	for command, code := range map[string]int{"nosuch": 127, "/etc": 126} {
		require.Contains(t, host.refused(code, "run", "-d", "base", command), command)
		host.requireNothingLeft()
	}
}

func TestStopKillsWhatDoesNotListen(t *testing.T) {
	host := newHost(t)
	name := host.detached(nil, "sh", "-c", `trap "" TERM; echo ready; while :; do sleep 0.02; done`)
	host.ready(name)

	host.ok("stop", "-t", "0", name)

	require.Contains(t, host.status(name), "Exited (137)")
	host.ok("stop", name)
}

func TestStopSendsTheSignalThatIsWanted(t *testing.T) {
	host := newHost(t)
	program := `trap "exit 1" INT; trap "exit 2" HUP; trap "exit 3" TERM; echo ready; while :; do sleep 0.02; done`
	for name, test := range map[string]struct {
		flags, stop []string
		want        string
	}{
		"by default": {nil, []string{"stop"}, "3"},
		"its own":    {[]string{"--stop-signal", "INT"}, []string{"stop"}, "1"},
		"this time":  {[]string{"--stop-signal", "INT"}, []string{"stop", "-s", "HUP"}, "2"},
		"kill":       {nil, []string{"kill"}, "137"},
		"kill by":    {nil, []string{"kill", "-s", "SIGHUP"}, "2"},
		"kill as":    {nil, []string{"kill", "--signal", "1"}, "2"},
	} {
		t.Run(name, func(t *testing.T) {
			container := (&hostOf{host, t}).detached(test.flags, "sh", "-c", program)
			host.ready(container)

			host.ok(append(test.stop, container)...)

			require.Equal(t, test.want, host.ok("wait", container))
		})
	}
}

// hostOf is a host for a part of a test.
type hostOf struct {
	*host
	t *testing.T
}

func (h *hostOf) detached(flags []string, command ...string) string {
	part := *h.host
	part.t = h.t
	return part.detached(flags, command...)
}

func TestStoppedContainerStartsAgainWithWhatItHad(t *testing.T) {
	host := newHost(t)
	name := host.detached(nil, "sh", "-c", "echo run >>/runs; cat /runs; hostname")
	first := host.ok("wait", name)

	require.Equal(t, name, host.ok("start", name))
	second := host.ok("wait", name)

	require.Equal(t, []string{"0", "0"}, []string{first, second})
	lines := strings.Split(host.ok("logs", name), "\n")
	require.Equal(t, []string{"run", "run", "run"}, []string{lines[0], lines[2], lines[3]})
	require.Equal(t, lines[1], lines[4], "the same host name")
}

func TestCreateDoesNotStart(t *testing.T) {
	host := newHost(t)
	id := host.ok("create", "--name", "later", "base", "sh", "-c", "echo started; exit 3")
	require.Regexp(t, `^[0-9a-f]{64}$`, id)
	require.Contains(t, host.status("later"), "Created")
	require.Empty(t, host.ok("logs", "later"))
	require.Equal(t, "0", host.ok("wait", "later"))

	result := host.tinydocker("start", "-a", "later")

	require.Equal(t, testbed.Result{Code: 3, Stdout: "started\n"}, result)
	require.Contains(t, host.status("later"), "Exited (3)")
	host.ok("rm", id[:12])
	host.requireNothingLeft()
}

func TestStartPassesInputOn(t *testing.T) {
	host := newHost(t)
	host.ok("create", "-i", "--name", "reader", "base", "cat")
	command := host.command("start", "-ai", "reader")
	command.Stdin = strings.NewReader("line\nlast without end")

	require.Equal(t, testbed.Result{Stdout: "line\nlast without end"}, command.Run(t))
	host.ok("rm", "reader")
}

func TestFailedStartIsRecorded(t *testing.T) {
	host := newHost(t)
	host.ok("create", "--name", "broken", "base", "nosuch")

	require.Contains(t, host.refused(1, "start", "broken"), "nosuch")

	require.Contains(t, host.status("broken"), "Exited (127)")
	host.ok("rm", "broken")
	host.requireNothingLeft()
}

func TestRestartPolicies(t *testing.T) {
	host := newHost(t)
	program := "echo run >>/runs; [ $(wc -l </runs) -ge 3 ] && exit 0; exit 5"
	for policy, want := range map[string]struct{ status, runs string }{
		"no":           {"5", "1"},
		"on-failure:1": {"5", "2"},
		"on-failure":   {"0", "3"},
	} {
		t.Run(policy, func(t *testing.T) {
			name := (&hostOf{host, t}).detached([]string{"--restart", policy}, "sh", "-c", "echo x; "+program)

			require.Equal(t, want.status, host.ok("wait", name))
			require.Equal(t, want.runs, fmt.Sprint(strings.Count(host.ok("logs", name), "x")))
		})
	}
}

func TestStopEndsEvenWhatAlwaysComesBack(t *testing.T) {
	host := newHost(t)
	name := host.detached([]string{"--restart", "always"}, "sh", "-c", "echo again; exit 1")
	testbed.Eventually(t, "it was restarted a few times", func() bool { return strings.Count(host.ok("logs", name), "again") >= 4 })
	require.Regexp(t, `Restarting|Up |Exited`, host.status(name))

	host.ok("stop", name)

	require.Contains(t, host.status(name), "Exited (1)")
	host.ok("rm", name)
	host.requireNothingLeft()
}

func TestRmContradictsRestart(t *testing.T) {
	host := newHost(t)
	require.Contains(t, host.refused(125, "run", "-d", "--rm", "--restart", "always", "base", "true"), "--rm")
	host.requireNothingLeft()
}

func TestRenamedContainerHasOneName(t *testing.T) {
	host := newHost(t)
	host.ok("create", "--name", "old", "base", "true")
	host.ok("create", "--name", "other", "base", "true")

	require.Empty(t, host.ok("rename", "old", "new"))

	host.refused(1, "rename", "old", "newer")
	host.refused(1, "rename", "new", "other")
	host.refused(1, "rename", "new", "a/b")
	host.refused(1, "rename", "new")
	host.ok("create", "--name", "old", "base", "true")
	require.Equal(t, "new\nold\nother", host.ok("rm", "new", "old", "other"))
	host.requireNothingLeft()
}

func TestSeveralTargetsAtOnce(t *testing.T) {
	host := newHost(t)
	for _, name := range []string{"one", "two"} {
		host.ok("create", "--name", name, "base", "true")
	}

	result := host.tinydocker("rm", "one", "nosuch", "two")

	require.Equal(t, 1, result.Code)
	require.Equal(t, "one\ntwo\n", result.Stdout)
	requireOneLine(t, result.Stderr)
	require.Contains(t, result.Stderr, "nosuch")
	host.requireNothingLeft()
}

func TestCommandsNeedATarget(t *testing.T) {
	host := newHost(t)
	for _, verb := range []string{"start", "stop", "kill", "restart", "rm", "wait", "logs", "attach", "rename"} {
		host.refused(1, verb)
		require.Equal(t, 1, host.tinydocker(verb, "nosuch", "nosuch2").Code)
	}
}

func TestAttachedOnesSeeTheSame(t *testing.T) {
	host := newHost(t)
	name := host.detached([]string{"-i"}, "sh", "-c", `echo ready; while read -r line; do echo "got $line"; echo "err $line" >&2; [ "$line" = end ] && exit 6; done`)
	host.ready(name)
	listener := host.command("attach", "--no-stdin", name).Start(t)
	testbed.Eventually(t, "somebody is attached", func() bool {
		command := host.command("attach", name)
		command.Stdin = strings.NewReader("again\n")
		speaker := command.Start(t)
		speaker.Expect("got again")
		speaker.Signal(syscall.SIGKILL)
		speaker.Wait()
		return strings.Contains(listener.String(), "attach")
	})
	command := host.command("attach", name)
	command.Stdin = strings.NewReader("end\n")

	result := command.Run(t)

	require.Equal(t, 6, result.Code)
	require.Contains(t, result.Stdout, "got end\n")
	require.Contains(t, result.Stderr, "err end\n")
	heard := listener.Wait()
	require.Equal(t, 6, heard.Code)
	require.Contains(t, heard.Stdout, "got end\n")
	host.refused(1, "attach", name)
}

func TestDetachKeysLeaveItRunning(t *testing.T) {
	host := newHost(t)
	name := testbed.Name(t)
	terminal := host.command("run", "-it", "--name", name, "base", "sh").Terminal(t)
	before := terminal.Attributes()
	terminal.Send("echo r$((0))ady\n")
	terminal.Expect("r0ady")

	terminal.Send("\x10\x11")

	require.Zero(t, terminal.Wait().Code)
	require.Equal(t, before, terminal.Attributes())
	require.Contains(t, host.status(name), "Up ")
	again := host.command("attach", "--detach-keys", "ctrl-a,d", name).Terminal(t)
	again.Send("echo st$((1))ll\n")
	again.Expect("st1ll")
	again.Resize(99, 33)
	again.Send("while [ \"$(stty size)\" != '33 99' ]; do sleep 0.02; done; echo f$((2))llows\n")
	again.Expect("f2llows")
	again.Send("\x01d")
	require.Zero(t, again.Wait().Code)
	last := host.command("attach", name).Terminal(t)
	last.Send("exit 9\n")
	require.Equal(t, 9, last.Wait().Code)
	host.ok("rm", name)
	host.requireNothingLeft()
}

// The one who typed the command may go, however that happens.
func TestContainerOutlivesWhoStartedIt(t *testing.T) {
	host := newHost(t)
	name := testbed.Name(t)
	terminal := host.command("run", "-it", "--name", name, "base", "sh").Terminal(t)
	terminal.Send("echo r$((0))ady\n")
	terminal.Expect("r0ady")

	terminal.Signal(syscall.SIGKILL)

	terminal.Wait()
	require.Contains(t, host.status(name), "Up ")
	host.ok("rm", "-f", name)
	host.requireNothingLeft()
}

func TestKilledMonitorLeavesTheTruth(t *testing.T) {
	host := newHost(t)
	name := host.detached([]string{"--restart", "always"}, "sh", "-c", patient)
	host.ready(name)

	require.NoError(t, syscall.Kill(host.monitorOf(name), syscall.SIGKILL))

	testbed.Eventually(t, "the container has ended with its monitor", func() bool { return strings.Contains(host.status(name), "Exited (137)") })
	require.Equal(t, "137", host.ok("wait", name))
	require.Equal(t, "ready", host.ok("logs", name))
	host.ok("start", name)
	host.ok("rm", "-f", name)
	host.requireNothingLeft()
}

// monitorOf finds the monitor of a container by the lock that it holds.
func (h *host) monitorOf(name string) int {
	h.t.Helper()
	locks, err := filepath.Glob(h.run + "/containers/*/lock")
	require.NoError(h.t, err)
	require.Len(h.t, locks, 1, "one container runs")
	content, err := os.ReadFile(locks[0])
	require.NoError(h.t, err)
	pid := 0
	_, err = fmt.Sscan(string(content), &pid)
	require.NoError(h.t, err)
	return pid
}

func TestLogsShowWhatIsWanted(t *testing.T) {
	host := newHost(t)
	name := host.detached(nil, "sh", "-c", "echo one; echo two >&2; echo three; printf last")
	host.ok("wait", name)

	require.Equal(t, testbed.Result{Stdout: "one\nthree\nlast", Stderr: "two\n"}, host.tinydocker("logs", name))

	// Two streams have no order between them.
	name = host.detached(nil, "sh", "-c", "echo one; printf last")
	host.ok("wait", name)
	require.Equal(t, "last", host.ok("logs", "--tail", "1", name))
	require.Equal(t, "last", host.ok("logs", "-f", "-n", "1", name))
	require.Empty(t, host.ok("logs", "-n", "0", name))
	require.Contains(t, host.tinydocker("logs", "-n", "all", name).Stdout, "one")
	require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z last$`, host.ok("logs", "-tn1", name))
	require.Empty(t, host.tinydocker("logs", "--until", "1h", name).Stdout)
	require.Contains(t, host.tinydocker("logs", "--since", "1h", name).Stdout, "one")
	require.Empty(t, host.tinydocker("logs", "--since", time.Now().Add(time.Hour).Format(time.RFC3339), name).Stdout)
	require.Contains(t, host.refused(1, "logs", "--since", "yesterday", name), "yesterday")
}

func TestLogIsKeptSmall(t *testing.T) {
	host := newHost(t)
	name := host.detached([]string{"--log-opt", "max-size=3k", "--log-opt", "max-file=3"}, "sh", "-c", "i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); done")
	host.ok("wait", name)

	lines := strings.Split(host.ok("logs", name), "\n")

	require.Equal(t, "line 399", lines[len(lines)-1])
	require.Greater(t, len(lines), 30)
	require.Less(t, len(lines), 200)
	files, err := filepath.Glob(host.root + "/containers/*/log.json*")
	require.NoError(t, err)
	require.Len(t, files, 3)
}

func TestNoLogIsKeptOnDemand(t *testing.T) {
	host := newHost(t)
	name := host.detached([]string{"--log-driver", "none"}, "echo", "hi")
	host.ok("wait", name)

	require.Contains(t, host.refused(1, "logs", name), "--log-driver none")
}

func TestForegroundContainerHasALogToo(t *testing.T) {
	host := newHost(t)
	require.Zero(t, host.tinydocker("run", "--name", "front", "base", "echo", "hello").Code)

	require.Equal(t, "hello", host.ok("logs", "front"))
	host.ok("rm", "front")
}

func TestIDFile(t *testing.T) {
	host := newHost(t)
	path := filepath.Join(t.TempDir(), "id")
	id := host.ok("create", "--cidfile", path, "base", "true")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, id, string(content))

	require.Contains(t, host.refused(1, "create", "--cidfile", path, "base", "true"), path)

	host.ok("rm", id)
	host.requireNothingLeft()
}

func TestVariablesAndLabelsFromFiles(t *testing.T) {
	host := newHost(t)
	path := filepath.Join(t.TempDir(), "env")
	require.NoError(t, os.WriteFile(path, []byte("\ufeff# comment\nA=1\n  B=two words # no comment\nSECRET_MARKER\nNOT_SET_ANYWHERE\n\nA=2\n"), 0o600))

	result := host.tinydocker("run", "--rm", "--env-file", path, "-e", "B=3", "base", "env")

	require.Zero(t, result.Code, result.Stderr)
	for _, want := range []string{"A=2\n", "B=3\n", "SECRET_MARKER=1\n"} {
		require.Contains(t, result.Stdout, want)
	}
	require.NotContains(t, result.Stdout, "NOT_SET")
	require.NoError(t, os.WriteFile(path, []byte("bad name=1\n"), 0o600))
	host.refused(125, "run", "--env-file", path, "base", "true")
	host.refused(125, "run", "--env-file", path+".nosuch", "base", "true")
}

func TestLabelsFromFilesAndFlags(t *testing.T) {
	host := newHost(t)
	path := filepath.Join(t.TempDir(), "labels")
	write(t, path, "# comment\na=file\nb=file\n\nc\n")

	host.ok("create", "--name", "labelled", "--label-file", path, "-l", "a=flag", "base", "true")

	require.Equal(t, "flag file []", host.ok("inspect", "-f", `{{.Config.Labels.a}} {{.Config.Labels.b}} [{{.Config.Labels.c}}]`, "labelled"))
	host.ok("rm", "labelled")
}

func TestStopTimeoutIsTheContainersOwn(t *testing.T) {
	host := newHost(t)
	name := host.detached([]string{"--stop-timeout", "0"}, "sh", "-c", `trap "" TERM; echo ready; while :; do sleep 0.02; done`)
	host.ready(name)
	begun := time.Now()

	host.ok("stop", name)

	require.Less(t, time.Since(begun), 9*time.Second, "ten seconds are the default")
	require.Contains(t, host.status(name), "Exited (137)")
}

func TestRestartBeginsAgain(t *testing.T) {
	host := newHost(t)
	name := host.detached(nil, "sh", "-c", patient)
	host.ready(name)
	first := host.ok("inspect", "-f", "{{.State.Pid}}", name)

	require.Equal(t, name, host.ok("restart", name))

	require.NotEqual(t, first, host.ok("inspect", "-f", "{{.State.Pid}}", name))
	testbed.Eventually(t, "it runs again", func() bool { return strings.Count(host.tinydocker("logs", name).Stdout, "ready") == 2 })
	require.Equal(t, 1, strings.Count(host.tinydocker("logs", name).Stdout, "bye"))
}

func TestEntrypointReplacesTheImagesAndItsCommand(t *testing.T) {
	host := newHost(t)

	require.Equal(t, "hello", host.ok("run", "--rm", "--entrypoint", "echo", "base", "hello"))
	require.Empty(t, host.ok("run", "--rm", "--entrypoint", "echo", "base"))
	require.Equal(t, "x", host.ok("run", "--rm", "--entrypoint", "", "base", "echo", "x"))
	host.refused(125, "run", "--rm", "--entrypoint", "", "base")
}

func TestBadFlagsOfRunAreOneLine(t *testing.T) {
	host := newHost(t)
	for _, flags := range [][]string{
		{"--restart", "sometimes"}, {"-m", "lots"}, {"-m", "1"}, {"-m", "-5m"}, {"--memory-swap", "64m"}, {"-m", "64m", "--memory-swap", "32m"},
		{"--cpus", "-1"}, {"--cpus", "10000"}, {"--cpu-shares", "1"}, {"--pids-limit", "-2"}, {"--stop-signal", "NOSUCH"}, {"--ulimit", "nosuch=1"},
		{"--ulimit", "nofile"}, {"--shm-size", "x"}, {"--log-driver", "syslog"}, {"--log-opt", "x=1"}, {"--log-opt", "max-size=x"}, {"--log-opt", "max-file=2"},
		{"--security-opt", "nosuch"}, {"--security-opt", "seccomp=/no/such"}, {"--device", "x"}, {"--device", "/dev/null:/dev/x:q"}, {"--tmpfs", "tmp"},
		{"-l", "=x"}, {"--detach-keys", "ctrl-ä", "-d"}, {"-u", "nosuch"}, {"--name", ""},
	} {
		args := append(append([]string{"run"}, flags...), "base", "true")
		if flags[0] == "--detach-keys" {
			continue // it is not looked at for what runs in the background
		}
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			result := host.tinydocker(args...)

			require.Equal(t, 125, result.Code, result.Stderr)
			requireOneLine(t, result.Stderr)
			host.requireNothingLeft()
		})
	}
}

func TestFiftyContainersAtOnce(t *testing.T) {
	host := newHost(t)
	host.ok("run", "--rm", "base", "true")
	var group sync.WaitGroup
	failures := make(chan string, 1000)
	try := func(args ...string) {
		if result := host.tinydocker(args...); result.Code != 0 {
			failures <- fmt.Sprintf("%q: %d %s", args, result.Code, result.Stderr)
		}
	}
	limit := make(chan struct{}, testbed.Few(8))
	for number := range testbed.Few(50) {
		group.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			name, renamed := fmt.Sprintf("many%d", number), fmt.Sprintf("more%d", number)
			try("run", "-d", "--name", name, "base", "sh", "-c", patient)
			try("stop", name)
			try("rename", name, renamed)
			try("start", renamed)
			try("ps", "-a")
			try("rm", "-f", renamed)
		})
	}
	group.Wait()
	close(failures)
	for failure := range failures {
		t.Error(failure)
	}
	host.requireNothingLeft()
}
