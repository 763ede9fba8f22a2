package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestLogHoldsBothOutputsOfAFinishedContainer(t *testing.T) {
	name := detached(t, nil, "sh", "-c", "echo out; echo err >&2; printf 'no newline'")
	waitForEnd(t, name)

	require.Equal(t, testbed.Result{Stdout: "out\nerr\nno newline"}, tool(t, "logs", name))
	require.Equal(t, "out\nerr\nno newline", tool(t, "logs", "-f", name).Stdout, "there is nothing to follow")
}

func TestLogIsWhatTheProgramPrintedAndNothingElse(t *testing.T) {
	command := container(t, []string{"-d", "--name", "quiet"}, "sh", "-c", "head -c 3000000 /dev/zero")
	command.Args = append([]string{"--debug"}, command.Args...)
	require.Zero(t, command.Run(t).Code)
	t.Cleanup(func() { tool(t, "rm", "-f", "quiet") })
	waitForEnd(t, "quiet")

	require.Equal(t, string(make([]byte, 3_000_000)), tool(t, "logs", "quiet").Stdout)
}

func TestFollowingEndsWithTheContainer(t *testing.T) {
	name := detached(t, nil, "sh", "-c", `for word in one two three; do echo $word; until test -e /$word; do sleep 0.02; done; done`)
	following := toolCommand(t, "logs", "-f", name).Start(t)

	for _, word := range []string{"one", "two", "three"} {
		following.Expect(word + "\n")
		tool(t, "exec", name, "touch", "/"+word) // the last one may end with the container
	}

	require.Equal(t, testbed.Result{Stdout: "one\ntwo\nthree\n"}, following.Wait())
}

// Nobody is there to end it: the kernel has the container's end wake who follows.
func TestFollowingEndsWithAKilledContainer(t *testing.T) {
	name := detached(t, nil, "sh", "-c", "echo ready; exec sleep 1000")
	following := toolCommand(t, "logs", "-f", name).Start(t)
	following.Expect("ready\n")

	require.Zero(t, tool(t, "rm", "-f", name).Code)

	require.Equal(t, testbed.Result{Stdout: "ready\n"}, following.Wait())
}

// Whoever else writes to the log, through /proc, overwrites nothing.
func TestLogIsAddedTo(t *testing.T) {
	name := detached(t, nil, "sh", "-c", "echo one; until test -e /go; do sleep 0.02; done; echo three")
	testbed.Eventually(t, "its output", func() bool { return tool(t, "logs", name).Stdout == "one\n" })

	require.Zero(t, tool(t, "exec", name, "sh", "-c", "echo two >> /proc/1/fd/1").Code)
	tool(t, "exec", name, "touch", "/go") // it may end with the container
	waitForEnd(t, name)

	require.Equal(t, "one\ntwo\nthree\n", tool(t, "logs", name).Stdout)
}

// slowReader is a reader of a log who is slow: while it looks at the first words, the last
// ones are written, and the writer ends.
type slowReader struct {
	read      bytes.Buffer
	meanwhile func()
}

// ReadFrom is what io.Copy calls. It has found the end of the log by then.
func (r *slowReader) ReadFrom(log io.Reader) (int64, error) {
	length, err := r.read.ReadFrom(log)
	r.look()
	return length, err
}

func (r *slowReader) Write(text []byte) (int, error) {
	r.look()
	return r.read.Write(text)
}

func (r *slowReader) look() {
	if r.meanwhile != nil {
		r.meanwhile()
		r.meanwhile = nil
	}
}

// looks counts how often somebody comes to look for more.
type looks struct{ atomic.Int64 }

func (l *looks) ReadFrom(log io.Reader) (int64, error) {
	l.Add(1)
	return io.Copy(io.Discard, log)
}

func (l *looks) Write(text []byte) (int, error) { return len(text), nil }

// What inotify has told, and nobody has read, it tells again and again.
func TestFollowingWaitsForSomethingToHappen(t *testing.T) {
	log, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	require.NoError(t, err)
	defer log.Close()
	program := exec.Command("sleep", "1000")
	require.NoError(t, program.Start())
	process, err := processOf(program.Process.Pid)
	require.NoError(t, err)
	var reader looks
	following, err := os.Open(log.Name())
	require.NoError(t, err)
	defer following.Close()
	ended := make(chan error, 1)
	go func() { ended <- followLog(following, process, &reader) }()
	testbed.Eventually(t, "the log to be read", func() bool { return reader.Load() > 0 })

	_, err = log.WriteString("something")
	require.NoError(t, err)
	<-time.After(100 * time.Millisecond) // of which nothing happens

	require.Less(t, reader.Load(), int64(10), "it looks all the time, and does not wait")
	require.NoError(t, program.Process.Kill())
	require.Error(t, program.Wait())
	require.NoError(t, <-ended)
}

func TestLastWordsAreFollowed(t *testing.T) {
	log, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	require.NoError(t, err)
	defer log.Close()
	program := exec.Command("sleep", "1000")
	require.NoError(t, program.Start())
	process, err := processOf(program.Process.Pid)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(log.Name(), []byte("first, "), 0o600))
	reader := &slowReader{meanwhile: func() {
		_, err := log.WriteString("last")
		require.NoError(t, err)
		require.NoError(t, program.Process.Kill())
		require.Error(t, program.Wait())
	}}
	following, err := os.Open(log.Name())
	require.NoError(t, err)
	defer following.Close()

	require.NoError(t, followLog(following, process, reader))

	require.Equal(t, "first, last", reader.read.String())
}
