package testbed

import (
	"io"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestRunTellsOutputErrorAndStatus(t *testing.T) {
	result := Run(t, "sh", "-c", "echo out; echo err >&2; exit 7")

	require.Equal(t, Result{Stdout: "out\n", Stderr: "err\n", Code: 7}, result)
}

func TestDeathBySignalIsACode(t *testing.T) {
	require.Equal(t, 128+15, Run(t, "sh", "-c", "kill -TERM $$").Code)
}

func TestCommandHasNoInputUnlessItIsGiven(t *testing.T) {
	require.Equal(t, Result{}, Run(t, "cat"))
	require.Equal(t, Result{Stdout: "hello"}, Command{Path: "cat", Stdin: strings.NewReader("hello")}.Run(t))
}

func TestExpectFollowsTheOutput(t *testing.T) {
	running := Command{Path: "sh", Args: []string{"-c", `echo one; trap "echo three; exit 3" USR1; echo two; while :; do sleep 0.01; done`}}.Start(t)

	require.Equal(t, "one\ntwo", running.Expect("two"))
	running.Signal(syscall.SIGUSR1)
	require.Equal(t, "\nthree", running.Expect("three"))
	require.Equal(t, 3, running.Wait().Code)
}

func TestProgramOfATestEndsWithIt(t *testing.T) {
	var pid int
	t.Run("inner", func(t *testing.T) {
		pid = Command{Path: "sleep", Args: []string{"60"}}.Start(t).Pid()
	})

	require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
}

func TestTerminalIsOne(t *testing.T) {
	terminal := Command{Path: "sh", Args: []string{"-c", "stty size; stty -echo; echo ready; read -r line; echo got $line"}}.Terminal(t)

	terminal.Expect("24 80")
	terminal.Expect("ready")
	require.Zero(t, terminal.Attributes().Lflag&unix.ECHO)
	terminal.Send("hello\n")
	terminal.Expect("got hello")
	require.Zero(t, terminal.Wait().Code)
}

func TestTerminalSendsInterruptsAndItsSize(t *testing.T) {
	terminal := Command{Path: "sh", Args: []string{"-c", `trap "stty size" WINCH; trap "exit 3" INT; echo ready; while :; do sleep 0.01; done`}}.Terminal(t)
	terminal.Expect("ready")

	terminal.Resize(100, 30)
	terminal.Expect("30 100")
	terminal.Send("\x03")

	require.Equal(t, 3, terminal.Wait().Code)
}

func TestProgramThatHangsIsKilledAndFails(t *testing.T) {
	limit := patient(100 * time.Millisecond)
	command := Command{Path: "sh", Args: []string{"-c", "echo $$; sleep 60; :"}, Deadline: limit}

	failure := failureOf(t, func(t testing.TB) { command.Run(t) })

	require.Contains(t, failure, "did not end within "+limit.String())
	printed := regexp.MustCompile(`printed "(\d+)`).FindStringSubmatch(failure)
	require.NotEmpty(t, printed, failure)
	group, err := strconv.Atoi(printed[1])
	require.NoError(t, err)
	Eventually(t, "the whole process group ends", func() bool { return syscall.Kill(-group, 0) == syscall.ESRCH })
}

// As in x=$(program): the shell waits for everybody who could still print.
func TestOutputThatStaysOpenFails(t *testing.T) {
	command := Command{Path: "sh", Args: []string{"-c", "echo done; sleep 60 &"}, Deadline: patient(100 * time.Millisecond)}

	failure := failureOf(t, func(t testing.TB) { command.Run(t) })

	require.Contains(t, failure, "holds its output open")
	require.Contains(t, failure, `"done\n"`)
}

// A pipe whose writer stays is no reason to wait for a program that has ended.
func TestInputThatNeverEndsDoesNotHoldTheResultUp(t *testing.T) {
	reader, writer := io.Pipe()
	defer writer.Close()

	require.Zero(t, Command{Path: "true", Stdin: reader, Deadline: 10 * time.Second}.Run(t).Code)
}

func TestExpectFailsOnceTheProgramHasEnded(t *testing.T) {
	failure := failureOf(t, func(t testing.TB) {
		Command{Path: "sh", Args: []string{"-c", "echo one; echo err >&2"}}.Start(t).Expect("two")
	})

	require.Contains(t, failure, `did not print "two"`)
	require.Contains(t, failure, `"one\n"`)
	require.Contains(t, failure, `"err\n"`)
}

func TestExpectOnATerminalShowsWhatThereWas(t *testing.T) {
	failure := failureOf(t, func(t testing.TB) {
		Command{Path: "sh", Args: []string{"-c", "printf 'one\033[1m'"}}.Terminal(t).Expect("two")
	})

	require.Contains(t, failure, `did not print "two"`)
	require.Contains(t, failure, `"one\x1b[1m"`)
}

// It may end at any moment, so this is no mistake of a test.
func TestSignalForAProgramThatHasEnded(t *testing.T) {
	program := Command{Path: "true"}.Start(t)
	program.Wait()

	program.Signal(syscall.SIGTERM)
}

func TestProgramThatCannotBeStartedFails(t *testing.T) {
	require.Contains(t, failureOf(t, func(t testing.TB) { Run(t, "/nosuch") }), "/nosuch")
}
