package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestExitStatusIsTheProgramsOwn(t *testing.T) {
	host := newHost(t)
	for name, test := range map[string]struct {
		command []string
		want    int
	}{
		"success":        {[]string{"true"}, 0},
		"failure":        {[]string{"sh", "-c", "exit 7"}, 7},
		"not found":      {[]string{"nosuch"}, 127},
		"path not found": {[]string{"/no/such"}, 127},
		"empty":          {[]string{""}, 127},
		"not executable": {[]string{"/etc/passwd"}, 126},
		"a folder":       {[]string{"/etc"}, 126},
	} {
		t.Run(name, func(t *testing.T) {
			result := host.base(test.command...)

			require.Equal(t, test.want, result.Code, result.Stderr)
			require.Empty(t, result.Stdout)
			if test.want >= 125 {
				requireOneLine(t, result.Stderr)
				require.Contains(t, result.Stderr, test.command[0])
			}
			host.requireNothingLeft()
		})
	}
}

func TestBadInputIsOneLineAndLeavesNothing(t *testing.T) {
	host := newHost(t)
	for name, args := range map[string][]string{
		"unknown image":         {"run", "nosuch", "true"},
		"image outside":         {"run", "../x", "true"},
		"empty image":           {"run", "", "true"},
		"upper case image":      {"run", "Base", "true"},
		"unknown tag":           {"run", "base:nosuch", "true"},
		"no image":              {"run"},
		"unknown flag":          {"run", "--nosuch", "base", "true"},
		"bad name":              {"run", "--name", "../x", "base", "true"},
		"bad environment":       {"run", "-e", "=x", "base", "true"},
		"work folder in a file": {"run", "-w", "/etc/passwd/x", "base", "true"},
		"relative work folder":  {"run", "-w", "tmp", "base", "true"},
		"work folder a file":    {"run", "-w", "/etc/passwd", "base", "true"},
		"bad hostname":          {"run", "--hostname", "a b", "base", "true"},
		"terminal without one":  {"run", "-it", "base", "true"},
	} {
		t.Run(name, func(t *testing.T) {
			result := host.tinydocker(args...)

			require.Equal(t, 125, result.Code, result.Stderr)
			require.Empty(t, result.Stdout)
			requireOneLine(t, result.Stderr)
			host.requireNothingLeft()
		})
	}
}

func TestUnknownCommandIsOneLine(t *testing.T) {
	host := newHost(t)

	result := host.tinydocker("nosuch")

	require.Equal(t, 1, result.Code)
	requireOneLine(t, result.Stderr)
}

func TestArgumentsArriveAsTheyWereGiven(t *testing.T) {
	host := newHost(t)
	arguments := []string{"a b", "", "$(id)", "`id`", "x'y", `"`, `\`, "*", "line\nbreak", "--", "-i", "--rm", "--help"}

	result := host.base(append([]string{"printf", `[%s]\n`}, arguments...)...)

	require.Equal(t, testbed.Result{Stdout: "[" + strings.Join(arguments, "]\n[") + "]\n"}, result)
}

func TestImageSaysWhatRunsByDefault(t *testing.T) {
	host := newHost(t)
	command := host.command("run", "--rm", "-i", "base")
	command.Stdin = strings.NewReader("echo from a shell\n")

	require.Equal(t, testbed.Result{Stdout: "from a shell\n"}, command.Run(t))
}

func TestEnvironment(t *testing.T) {
	host := newHost(t)

	result := host.tinydocker("run", "--rm", "--hostname", "tiny", "-e", "A=1", "-e", "SPACE=a b", "-e", "EMPTY=",
		"-e", "SECRET_MARKER", "-e", "NOT_SET_ANYWHERE", "-e", "A=2", "base", "env")

	require.Zero(t, result.Code, result.Stderr)
	require.ElementsMatch(t, []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=tiny", "HOME=/root",
		"A=2", "SPACE=a b", "EMPTY=", "SECRET_MARKER=1",
	}, strings.Split(strings.TrimSpace(result.Stdout), "\n"))
}

func TestEnvironmentOfTheHostStaysOutside(t *testing.T) {
	host := newHost(t)

	result := host.base("cat", "/proc/1/environ")

	require.Zero(t, result.Code, result.Stderr)
	require.NotContains(t, result.Stdout, "SECRET_MARKER")
}

// What the container may choose must not reach a program of the host's side.
func TestEnvironmentOfTheContainerStaysInside(t *testing.T) {
	host := newHost(t)

	result := host.tinydocker("run", "--rm", "-e", "LD_PRELOAD=/nonexistent/marker.so", "-e", "GODEBUG=inittrace=1",
		"-e", "TINYDOCKER_ROOT=/evil", "base", "sh", "-c", "exit 3")

	require.Equal(t, 3, result.Code)
	require.NotContains(t, result.Stderr, "marker.so")
	require.LessOrEqual(t, strings.Count(result.Stderr, "init internal/runtime"), 1, "only the program itself traces")
}

func TestWorkFolder(t *testing.T) {
	host := newHost(t)

	require.Equal(t, "/tmp\n", host.tinydocker("run", "--rm", "-w", "/tmp", "base", "pwd").Stdout)
	require.Equal(t, "/\n", host.base("pwd").Stdout)
}

func TestHostname(t *testing.T) {
	host := newHost(t)

	named := host.tinydocker("run", "--rm", "--hostname", "tiny", "base", "sh", "-c", "hostname; cat /etc/hostname; cat /etc/hosts")
	require.True(t, strings.HasPrefix(named.Stdout, "tiny\ntiny\n"), named)
	require.Contains(t, named.Stdout, "tiny\n")
	require.Regexp(t, `^[0-9a-f]{12}\n$`, host.base("hostname").Stdout)
}

func TestPipesBehave(t *testing.T) {
	host := newHost(t)

	t.Run("input is counted to its end", func(t *testing.T) {
		command := host.command("run", "-i", "--rm", "base", "wc", "-l")
		command.Stdin = io.LimitReader(repeat("y\n"), 2_000_000)
		require.Equal(t, "1000000\n", command.Run(t).Stdout)
	})
	t.Run("input ends when its reader does", func(t *testing.T) {
		script := `yes | "$@"`
		command := host.command("run", "-i", "--rm", "base", "head", "-n", "1")
		command.Path, command.Args = "/bin/sh", append([]string{"-c", script, "sh", command.Path}, command.Args...)
		require.Equal(t, testbed.Result{Stdout: "y\n"}, command.Run(t))
	})
	t.Run("no input without -i", func(t *testing.T) {
		command := host.command("run", "--rm", "base", "cat")
		command.Stdin = repeat("y\n")
		require.Equal(t, testbed.Result{}, command.Run(t))
	})
	t.Run("output ends when its reader does", func(t *testing.T) {
		command := host.command("run", "--rm", "base", "yes")
		command.Path, command.Args = "/bin/sh", append([]string{"-c", `"$@" | head -n 1`, "sh", command.Path}, command.Args...)
		require.Equal(t, "y\n", command.Run(t).Stdout)
		testbed.Eventually(t, "the container to be removed", func() bool { return len(host.containers()) == 0 })
	})
	t.Run("output that cannot be kept ends the program", func(t *testing.T) {
		command := host.command("run", "--rm", "base", "yes")
		command.Path, command.Args = "/bin/sh", append([]string{"-c", `exec "$@" >/dev/full`, "sh", command.Path}, command.Args...)
		result := command.Run(t)
		require.Equal(t, 125, result.Code)
		requireOneLine(t, result.Stderr)
		require.Contains(t, result.Stderr, "no space left")
	})
	t.Run("closed outputs are the program's own business", func(t *testing.T) {
		result := host.base("sh", "-c", "exec >&- 2>&-; sleep 0.1; exit 4")
		require.Equal(t, testbed.Result{Code: 4}, result)
	})
	t.Run("a lot of output is complete", func(t *testing.T) {
		result := host.base("sh", "-c", "head -c 20000000 /dev/zero; echo end >&2")
		require.Len(t, result.Stdout, 20_000_000)
		require.Equal(t, "end\n", result.Stderr)
	})
	host.requireNothingLeft()
}

// repeat is an endless stream of text.
type repeat string

func (r repeat) Read(data []byte) (int, error) {
	for i := range data {
		data[i] = r[i%len(r)]
	}
	return len(data) - len(data)%len(r), nil
}

func TestSignalsReachTheProgram(t *testing.T) {
	host := newHost(t)
	for name, signal := range map[string]syscall.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "USR1": syscall.SIGUSR1} {
		t.Run(name, func(t *testing.T) {
			running := host.command("run", "--rm", "base", "sh", "-c",
				`trap "echo got; exit 3" `+name+`; echo ready; while :; do sleep 0.05; done`).Start(t)
			running.Expect("ready")

			running.Signal(signal)

			result := running.Wait()
			require.Equal(t, testbed.Result{Stdout: "ready\ngot\n", Code: 3}, result)
			host.requireNothingLeft()
		})
	}
}

// PID 1 without a handler never sees SIGINT; whoever presses Ctrl-C a third
// time means it.
func TestThirdInterruptKills(t *testing.T) {
	host := newHost(t)
	running := host.command("run", "--rm", "base", "sh", "-c", `trap "" INT; echo ready; while :; do sleep 1; done`).Start(t)
	running.Expect("ready")

	// Two that come at once are one (signal(7)), so keep pressing.
	testbed.Eventually(t, "the container to be killed", func() bool {
		_ = syscall.Kill(running.Pid(), syscall.SIGINT)
		return len(host.containers()) == 0
	})

	require.Equal(t, 128+9, running.Wait().Code)
	host.requireNothingLeft()
}

func TestSignalBeforeTheStartEndsTheTool(t *testing.T) {
	host := newHost(t)
	for range 10 {
		running := host.command("run", "--rm", "base", "sleep", "1000").Start(t)
		testbed.Eventually(t, "the container to be made", func() bool { return len(host.containers()) > 0 })

		testbed.Eventually(t, "the tool to end", func() bool {
			_ = syscall.Kill(running.Pid(), syscall.SIGTERM)
			return len(host.containers()) == 0
		})

		require.NotZero(t, running.Wait().Code)
		host.requireNothingLeft()
	}
}

func TestNothingIsLeftAfterTheToolIsKilled(t *testing.T) {
	host := newHost(t)
	running := host.command("run", "--rm", "--name", "victim", "base", "sh", "-c", "echo ready; exec sleep 1000").Start(t)
	running.Expect("ready")

	running.Signal(syscall.SIGKILL)
	running.Wait()

	require.Zero(t, host.tinydocker("ps").Code)
	host.requireNothingLeft()
	require.Zero(t, host.tinydocker("run", "--rm", "--name", "victim", "base", "true").Code, "its name is free again")
}

func TestContainerToKeepIsKeptWhenTheToolIsKilled(t *testing.T) {
	host := newHost(t)
	running := host.command("run", "--name", "victim", "base", "sh", "-c", "echo ready; exec sleep 1000").Start(t)
	running.Expect("ready")

	running.Signal(syscall.SIGKILL)
	running.Wait()

	require.Contains(t, host.tinydocker("ps", "-a").Stdout, "Exited (137)")
	require.Zero(t, host.tinydocker("rm", "victim").Code)
	host.requireNothingLeft()
}

// However early it dies, the next command finds its state in order. The audit
// at the end of the suite looks for processes and mounts.
func TestToolKilledAtAnyMoment(t *testing.T) {
	state := newHost(t)
	for _, sign := range []string{
		"", state.root, filepath.Join(state.root, "layers", state.driver, "sha256", "*"), state.run + "/containers/*", state.root + "/containers/*",
		state.root + "/names/*", state.root + "/containers/*/config.json", state.run + "/containers/*/state.json",
		state.root + "/containers/*/work/work",
	} {
		t.Run(strings.ReplaceAll(strings.TrimPrefix(sign, filepath.Dir(state.root)), "/", " "), func(t *testing.T) {
			host := &host{t: t, root: state.root, run: state.run, driver: state.driver}
			running := host.command("run", "--rm", "--name", "victim", "base", "sleep", "1000").Start(t)
			testbed.Eventually(t, sign, func() bool {
				found, err := filepath.Glob(sign)
				return err == nil && (len(found) > 0 || sign == "")
			})

			running.Signal(syscall.SIGKILL)
			running.Wait()

			require.Zero(t, host.tinydocker("ps").Code)
			host.requireNothingLeft()
			require.Zero(t, host.tinydocker("run", "--rm", "--name", "victim", "base", "true").Code)
		})
	}
}

func TestLayerIsUnpackedOnceForAll(t *testing.T) {
	host := newHost(t)
	var running []*testbed.Process
	for range 6 {
		running = append(running, host.command("run", "--rm", "base", "sh", "-c", "ls /bin/sh").Start(t))
	}
	for _, process := range running {
		require.Equal(t, testbed.Result{Stdout: "/bin/sh\n"}, process.Wait())
	}
	layers, err := os.ReadDir(filepath.Join(host.root, "layers", host.driver, "sha256"))
	require.NoError(t, err)
	require.Len(t, layers, 1)
}

func TestContainersDoNotChangeTheImage(t *testing.T) {
	host := newHost(t)

	require.Zero(t, host.base("sh", "-c", "echo changed > /etc/passwd; rm /bin/ls; mkdir /new").Code)

	require.Equal(t, "root", host.base("sh", "-c", "head -c 4 /etc/passwd").Stdout)
	require.Zero(t, host.base("ls", "/bin/ls").Code)
	require.NotZero(t, host.base("ls", "/new").Code)
}

func TestStateIsPrivate(t *testing.T) {
	host := newHost(t)
	require.Zero(t, host.base("true").Code)

	for _, root := range []string{host.root, host.run} {
		info, err := os.Stat(root)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), root)
	}
}

// A killed tool may have been about to unpack an image.
func TestHalfALayerIsRemovedByTheNextCommand(t *testing.T) {
	host := newHost(t)
	partial := filepath.Join(host.root, "layers", host.driver, "partial")
	// As somebody has left it who was killed: unpacking takes too short to be met in it.
	require.NoError(t, os.MkdirAll(filepath.Join(partial, strings.Repeat("0", 64), "etc"), 0o700))

	require.Zero(t, host.tinydocker("ps").Code)

	left, err := filepath.Glob(partial + "/*")
	require.NoError(t, err)
	require.Empty(t, left)
}
