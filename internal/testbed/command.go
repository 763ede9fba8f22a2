package testbed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// deadline is how long a program may take that is not given another one.
const deadline = 60 * time.Second

// Command is a program to run. Its zero fields are the defaults: the test's own
// environment and folder, and /dev/null as standard input.
type Command struct {
	Path  string
	Args  []string // without the program's name
	Env   []string
	Dir   string
	Stdin io.Reader
	// Deadline bounds every wait for the program; zero is a minute. One that
	// is still there then is killed, and its test fails.
	Deadline time.Duration
}

// Result is what a program printed and how it ended. Code is 128+n for a
// program that signal n killed.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Run runs the program path and waits for its end.
func Run(t testing.TB, path string, args ...string) Result {
	t.Helper()
	return Command{Path: path, Args: args}.Run(t)
}

// Run runs the program and waits for its end.
func (c Command) Run(t testing.TB) Result {
	t.Helper()
	return c.Start(t).Wait()
}

// Start starts the program in a process group of its own. What is left of that
// group at the end of the test is killed.
func (c Command) Start(t testing.TB) *Process {
	t.Helper()
	process := c.process(t)
	process.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	process.cmd.Stdout, process.cmd.Stderr = &process.stdout, &process.stderr
	if c.Stdin != nil {
		process.feed(c.Stdin)
	}
	process.start()
	return process
}

// Process is a program that has been started.
type Process struct {
	t              testing.TB
	cmd            *exec.Cmd
	deadline       time.Duration
	stdout, stderr output
	done           chan struct{}
	err            error // of Wait; read it after done is closed
}

func (c Command) process(t testing.TB) *Process {
	process := &Process{t: t, cmd: exec.Command(c.Path, c.Args...), deadline: c.Deadline, done: make(chan struct{})}
	if process.deadline == 0 {
		process.deadline = patient(deadline)
	}
	process.cmd.Env, process.cmd.Dir = c.Env, c.Dir
	// A grandchild that outlives the program may hold its output open.
	process.cmd.WaitDelay = process.deadline
	return process
}

// feed copies input to the program. Left to os/exec, Wait would wait for the end
// of the input, even after that of the program.
func (p *Process) feed(input io.Reader) {
	p.t.Helper()
	if file, ok := input.(*os.File); ok {
		p.cmd.Stdin = file
		return
	}
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		p.t.Fatalf("make a pipe to %s: %v", p.cmd.Path, err)
	}
	go func() {
		_, _ = io.Copy(stdin, input) // it may end without having read everything
		stdin.Close()
	}()
}

func (p *Process) start() {
	p.t.Helper()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.cmd.Path, err)
	}
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
	}()
	p.t.Cleanup(func() {
		p.kill()
		<-p.done
	})
}

// kill ends the whole process group. There may be nobody left in it.
func (p *Process) kill() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

// Pid returns the process id of the program.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Signal sends a signal to the program, but not to its process group. It does
// nothing if the program has ended.
func (p *Process) Signal(signal os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatalf("send %v to %s: %v", signal, p.cmd.Path, err)
	}
}

// Expect waits until text has appeared on standard output, after what an earlier
// call has matched, and returns the output up to the end of text.
func (p *Process) Expect(text string) string {
	p.t.Helper()
	return p.expect(text, p.done)
}

// expect fails if text is not there when all output is, or at the deadline.
func (p *Process) expect(text string, complete <-chan struct{}) string {
	p.t.Helper()
	found, ok := p.stdout.expect(text, p.deadline, complete)
	if !ok {
		p.t.Fatalf("%s did not print %q%s", p, text, p.printed())
	}
	return found
}

// Wait waits for the program's end, and for that of its output.
func (p *Process) Wait() Result {
	p.t.Helper()
	timer := time.NewTimer(p.deadline)
	defer timer.Stop()
	late := false
	select {
	case <-p.done:
	case <-timer.C:
		late = true
		p.kill()
		<-p.done
	}
	switch {
	case late && exitCode(p.cmd.ProcessState) == 128+int(syscall.SIGKILL):
		p.t.Fatalf("%s did not end within %v%s", p, p.deadline, p.printed())
	case late || errors.Is(p.err, exec.ErrWaitDelay):
		p.t.Fatalf("%s has ended, but a process that it started holds its output open%s", p, p.printed())
	}
	if exit := (*exec.ExitError)(nil); p.err != nil && !errors.As(p.err, &exit) {
		p.t.Fatalf("wait for %s: %v", p, p.err)
	}
	return Result{Stdout: p.stdout.String(), Stderr: p.stderr.String(), Code: exitCode(p.cmd.ProcessState)}
}

func (p *Process) String() string { return fmt.Sprintf("%s %q", p.cmd.Path, p.cmd.Args[1:]) }

func (p *Process) printed() string {
	return fmt.Sprintf("; it printed %q and, on standard error, %q", p.stdout.String(), p.stderr.String())
}

func exitCode(state *os.ProcessState) int {
	if status := state.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// output keeps what a program prints, and lets a test wait for a part of it.
type output struct {
	mutex   sync.Mutex
	buffer  bytes.Buffer
	matched int           // what expect has consumed
	grown   chan struct{} // closed at the next write, if somebody waits for it
}

func (o *output) Write(data []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.grown != nil {
		close(o.grown)
		o.grown = nil
	}
	return o.buffer.Write(data)
}

func (o *output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.buffer.String()
}

// expect returns the output up to text, or false if the program ended or the
// deadline passed before text was there.
func (o *output) expect(text string, limit time.Duration, ended <-chan struct{}) (string, bool) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		found, grown := o.match(text)
		if found != "" {
			return found, true
		}
		select {
		case <-grown:
		case <-ended:
			found, _ := o.match(text)
			return found, found != ""
		case <-timer.C:
			return "", false
		}
	}
}

// match consumes the output up to text. If text is not there yet, it returns a
// channel that is closed when there is more to look at.
func (o *output) match(text string) (string, <-chan struct{}) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	rest := o.buffer.String()[o.matched:]
	if index := strings.Index(rest, text); index >= 0 {
		found := rest[:index+len(text)]
		o.matched += len(found)
		return found, nil
	}
	if o.grown == nil {
		o.grown = make(chan struct{})
	}
	return "", o.grown
}
