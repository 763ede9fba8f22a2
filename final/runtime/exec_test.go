package runtime

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// running is a container that stays until the test ends.
type running struct {
	*Container
	pidfd *os.File
	root  string
}

// startSleeper starts a container that waits for its standard input to end.
func startSleeper(t testing.TB, change func(*specs.Spec)) *running {
	t.Helper()
	lockThread(t)
	root := newRoot(t)
	spec := specOf(root, "cat")
	spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"newinstance", "ptmxmode=0666", "mode=0620"}})
	spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.NetworkNamespace}, specs.LinuxNamespace{Type: specs.CgroupNamespace})
	if change != nil {
		change(spec)
	}
	container, err := Start(spec, Options{Stdin: true})
	require.NoError(t, err)
	t.Cleanup(func() { container.abandon() })
	return &running{container, pidfdOf(t, container.Pid()), root}
}

func pidfdOf(t testing.TB, pid int) *os.File {
	t.Helper()
	descriptor, err := unix.PidfdOpen(pid, 0)
	require.NoError(t, err)
	file := os.NewFile(uintptr(descriptor), "pidfd")
	t.Cleanup(func() { file.Close() })
	return file
}

// Until a container has a root of its own, it has its host's.
func TestExecIntoAContainerThatIsBeingMade(t *testing.T) {
	lockThread(t)
	marker := filepath.Join(t.TempDir(), "marker")
	var refused error
	container, err := Start(specOf(newRoot(t), "true"), Options{Started: func(pid int) error {
		var started *Container
		started, refused = Exec(shell("touch "+marker), ExecOptions{Pid: pid, Pidfd: pidfdOf(t, pid)})
		if refused == nil {
			_, err := started.Wait()
			return err
		}
		return nil
	}})
	require.NoError(t, err)
	_, err = container.Wait()
	require.NoError(t, err)

	require.NoFileExists(t, marker)
	require.ErrorContains(t, refused, "it has our own root")
}

// shell is a process that runs a shell command.
func shell(command string) *specs.Process {
	return &specs.Process{Args: []string{"sh", "-c", command}, Env: []string{"PATH=/bin"}, Cwd: "/"}
}

func (r *running) options() ExecOptions { return ExecOptions{Pid: r.Pid(), Pidfd: r.pidfd} }

// exec runs a process in the container and returns what it has printed, on either
// file, and how it ended.
func (r *running) exec(t *testing.T, process *specs.Process) (output string, status int, err error) {
	t.Helper()
	started, err := Exec(process, r.options())
	if err != nil {
		return "", 0, err
	}
	errors := make(chan string)
	go func() { content, _ := io.ReadAll(started.Stderr); errors <- string(content) }()
	content, err := io.ReadAll(started.Stdout)
	require.NoError(t, err)
	output = string(content) + <-errors
	status, err = started.Wait()
	require.NoError(t, err)
	return output, status, nil
}

func namespacesOf(t *testing.T, pid int) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, name := range []string{"mnt", "pid", "uts", "ipc", "net", "cgroup", "user"} {
		var err error
		found[name], err = os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, name))
		require.NoError(t, err)
	}
	return found
}

func TestExecJoinsEveryNamespace(t *testing.T) {
	container := startSleeper(t, nil)
	options := container.options()
	options.Stdin = true
	started, err := Exec(&specs.Process{Args: []string{"cat"}, Env: []string{"PATH=/bin"}, Cwd: "/"}, options)
	require.NoError(t, err)
	defer started.abandon()

	require.Equal(t, namespacesOf(t, container.Pid()), namespacesOf(t, started.Pid()))
	for name, namespace := range namespacesOf(t, os.Getpid()) {
		require.Equal(t, name == "user", namespace == namespacesOf(t, started.Pid())[name], name)
	}
}

func TestExecRunsInTheContainersRoot(t *testing.T) {
	container := startSleeper(t, nil)
	require.NoError(t, os.WriteFile(filepath.Join(container.root, "marker"), []byte("inside"), 0o644))

	output, status, err := container.exec(t, shell("cat /marker; pwd; echo $((6*7)); printf '%s|' \"$@\""))

	require.NoError(t, err)
	require.Zero(t, status)
	require.Equal(t, "inside/\n42\n|", output)
}

func TestExecTellsHowItsProgramEnded(t *testing.T) {
	container := startSleeper(t, nil)
	for command, want := range map[string]int{"true": 0, "exit 7": 7, "kill -9 $$": 137, "kill -15 $$": 143, "exit 255": 255} {
		_, status, err := container.exec(t, shell(command))
		require.NoError(t, err, command)
		require.Equal(t, want, status, command)
	}
	for program, want := range map[string]int{"/no/such": 127, "nosuch": 127, "/etc": 126, "/etc/passwd": 126} {
		_, _, err := container.exec(t, &specs.Process{Args: []string{program}, Env: []string{"PATH=/bin"}, Cwd: "/"})
		var start *StartError
		require.ErrorAs(t, err, &start, program)
		require.Equal(t, want, start.Status, program)
	}
}

func TestExecPassesArgumentsAndEnvironmentAsTheyAre(t *testing.T) {
	container := startSleeper(t, nil)
	process := &specs.Process{
		Args: []string{"sh", "-c", `printf '%s|' "$@"; env`, "sh", "a b", "", "$(id)", "x'y\n"},
		Env:  []string{"PATH=/bin", "ONE=a b", "LD_PRELOAD=/no/such.so", "GOMAXPROCS=7"}, Cwd: "/",
	}

	output, _, err := container.exec(t, process)

	require.NoError(t, err)
	require.True(t, strings.HasPrefix(output, "a b||$(id)|x'y\n|"), output)
	environment := strings.Split(strings.TrimSpace(strings.TrimPrefix(output, "a b||$(id)|x'y\n|")), "\n")
	require.Contains(t, environment, "GOMAXPROCS=7")
	for _, variable := range environment {
		name, _, _ := strings.Cut(variable, "=")
		require.Contains(t, []string{"PATH", "ONE", "LD_PRELOAD", "GOMAXPROCS", "PWD", "SHLVL", "OLDPWD", "_"}, name)
	}
}

func TestExecStreamsItsInput(t *testing.T) {
	container := startSleeper(t, nil)
	options := container.options()
	options.Stdin = true
	started, err := Exec(shell("cat"), options)
	require.NoError(t, err)
	content := strings.Repeat("\x00\xff binary\n", 50000)
	go func() { _, _ = io.WriteString(started.Stdin, content); started.Stdin.Close() }()

	output, err := io.ReadAll(started.Stdout)

	require.NoError(t, err)
	require.Equal(t, content, string(output))
	status, err := started.Wait()
	require.NoError(t, err)
	require.Zero(t, status)
}

func TestExecHasATerminalOfTheContainer(t *testing.T) {
	container := startSleeper(t, nil)
	process := shell(`readlink /proc/self/fd/0; echo "$(cut -d' ' -f6-8 /proc/self/stat)"; exit 3`)
	process.Terminal, process.ConsoleSize = true, &specs.Box{Height: 12, Width: 34}
	started, err := Exec(process, container.options())
	require.NoError(t, err)
	require.NotNil(t, started.Console)
	defer started.Console.Close()

	output, _ := io.ReadAll(started.Console) // ends in EIO
	status, err := started.Wait()

	require.NoError(t, err)
	require.Equal(t, 3, status)
	lines := strings.Split(strings.ReplaceAll(string(output), "\r", ""), "\n")
	require.Equal(t, "/dev/pts/0", lines[0])
	size, err := unix.IoctlGetWinsize(int(started.Console.Fd()), unix.TIOCGWINSZ)
	require.NoError(t, err)
	require.EqualValues(t, 12, size.Row)
	require.EqualValues(t, 34, size.Col)
}

// What exec lets a program do is what run does: the same lines of its status.
func TestExecGrantsWhatRunGrants(t *testing.T) {
	process := shell("cat /proc/self/status")
	process.User = specs.User{UID: 1000, GID: 1000, AdditionalGids: []uint32{1234}}
	process.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"CAP_CHOWN", "CAP_KILL"}, Permitted: []string{"CAP_KILL"}}
	process.NoNewPrivileges = true
	spec := specOf(newRoot(t), "")
	spec.Process = process
	want, _, err := runSpec(t, spec)
	require.NoError(t, err)
	container := startSleeper(t, nil)

	got, _, err := container.exec(t, process)

	require.NoError(t, err)
	require.Equal(t, privileges(want), privileges(got))
	require.Contains(t, got, "CapBnd:\t0000000000000021\n")
}

func privileges(status string) (lines []string) {
	for _, line := range strings.Split(status, "\n") {
		for _, field := range []string{"Uid", "Gid", "Groups", "Cap", "NoNewPrivs", "Seccomp", "Umask"} {
			if strings.HasPrefix(line, field) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// A container that may trace others could make use of whatever ours may in the
// moment before its program runs (CVE-2016-9962).
func TestContainerNeverMeetsOneOfOursThatMayMore(t *testing.T) {
	container := startSleeper(t, nil)
	process := shell("true")
	process.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"CAP_CHOWN"}, Permitted: []string{"CAP_CHOWN"}}
	options := container.options()
	var capabilities, bounding uint64
	var files []os.DirEntry
	var root string
	options.Started = func(pid int) error {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		require.NoError(t, err)
		capabilities, bounding = maskIn(t, content, "CapPrm"), maskIn(t, content, "CapBnd")
		files, err = os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		require.NoError(t, err)
		root, err = os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		require.NoError(t, err)
		require.Equal(t, namespacesOf(t, container.Pid()), namespacesOf(t, pid))
		return nil
	}

	started, err := Exec(process, options)

	require.NoError(t, err)
	_, _ = started.Wait()
	allowed := uint64(1<<unix.CAP_CHOWN | 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID)
	require.Zero(t, capabilities&^allowed, "%x", capabilities)
	require.Equal(t, uint64(1<<unix.CAP_CHOWN), bounding)
	require.Equal(t, "/", root)
	for _, file := range files {
		number, err := strconv.Atoi(file.Name())
		require.NoError(t, err)
		require.LessOrEqual(t, number, 6) // standard files, our socket, and Go's poller
	}
}

func maskIn(t *testing.T, status []byte, name string) uint64 {
	t.Helper()
	for _, line := range strings.Split(string(status), "\n") {
		if value, ok := strings.CutPrefix(line, name+":\t"); ok {
			mask, err := strconv.ParseUint(value, 16, 64)
			require.NoError(t, err)
			return mask
		}
	}
	t.Fatalf("no %s in the status", name)
	return 0
}

func TestExecGivesNoFileOfTheHost(t *testing.T) {
	container := startSleeper(t, nil)
	folder, err := os.Open(t.TempDir())
	require.NoError(t, err)
	defer folder.Close()
	_, err = unix.FcntlInt(folder.Fd(), unix.F_SETFD, 0) // as a careless caller leaves it
	require.NoError(t, err)

	output, _, err := container.exec(t, shell("echo /proc/self/fd/*; readlink /proc/self/fd/0; readlink /proc/self/exe"))

	require.NoError(t, err)
	require.NotContains(t, output, folder.Name())
	require.True(t, strings.HasPrefix(output, "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2"), output)
	require.Contains(t, output, "\n/dev/null\n")
	for number := range 30 {
		process := shell("pwd")
		process.Cwd = fmt.Sprintf("/proc/self/fd/%d", number)
		_, _, err := container.exec(t, process)
		require.Error(t, err, process.Cwd)
	}
	for _, program := range []string{"/proc/self/exe", "/proc/self/fd/3"} {
		_, _, err := container.exec(t, &specs.Process{Args: []string{program}, Cwd: "/"})
		require.Error(t, err, program)
	}
}

// A container may have put anything where its devices were.
func TestExecTrustsNoDeviceOfTheContainer(t *testing.T) {
	container := startSleeper(t, nil)
	_, status, err := container.exec(t, shell("rm /dev/null && echo trap > /dev/null && chmod 666 /dev/null"))
	require.NoError(t, err)
	require.Zero(t, status)

	_, _, err = container.exec(t, shell("true"))

	require.ErrorContains(t, err, "/dev/null")
}

// Exec runs nothing where it cannot prove that it is a container.
func TestExecRunsNothingOutsideOfAContainer(t *testing.T) {
	testbed.Require(t, testbed.Root)
	marker := filepath.Join(t.TempDir(), "marker")
	sleeper := exec.Command("sleep", "1000")
	require.NoError(t, sleeper.Start())
	defer func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() }()
	dead := startSleeper(t, nil)
	require.NoError(t, dead.Signal(os.Kill))
	_, err := dead.process.Wait()
	require.NoError(t, err)
	for name, options := range map[string]ExecOptions{
		"ourselves":          {Pid: os.Getpid(), Pidfd: pidfdOf(t, os.Getpid())},
		"process of ours":    {Pid: sleeper.Process.Pid, Pidfd: pidfdOf(t, sleeper.Process.Pid)},
		"no pidfd":           {Pid: sleeper.Process.Pid},
		"dead container":     {Pid: dead.Pid(), Pidfd: dead.pidfd},
		"another one's file": {Pid: sleeper.Process.Pid, Pidfd: dead.pidfd},
	} {
		started, err := Exec(&specs.Process{Args: []string{"touch", marker}, Env: []string{"PATH=/bin:/usr/bin"}, Cwd: "/"}, options)
		require.Error(t, err, name)
		require.Nil(t, started, name)
		require.NoFileExists(t, marker, name)
	}
}

func TestProgramOfExecEndsWithTheThreadThatStartedIt(t *testing.T) {
	container := startSleeper(t, nil)
	pids := make(chan int)
	go func() {
		goruntime.LockOSThread() // and never unlock it: the thread ends with the goroutine
		started, err := Exec(shell("sleep 1000"), container.options())
		if err != nil {
			pids <- 0
			return
		}
		pids <- started.Pid()
	}()
	pid := <-pids
	require.NotZero(t, pid)

	testbed.Eventually(t, "the program to end", func() bool { return hasEnded(pid) })
	_, err := unix.Wait4(pid, nil, 0, nil)
	require.NoError(t, err)
}

func hasEnded(pid int) bool {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(content), ") Z ")
}

func TestExecThatIsRefusedRunsNothing(t *testing.T) {
	container := startSleeper(t, nil)
	options := container.options()
	options.Started = func(int) error { return os.ErrInvalid }

	_, err := Exec(shell("touch /marker"), options)

	require.ErrorIs(t, err, os.ErrInvalid)
	require.NoFileExists(t, filepath.Join(container.root, "marker"))
}
