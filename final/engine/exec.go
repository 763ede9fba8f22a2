package engine

import (
	"errors"
	"fmt"
	"net"
	"os"
	goruntime "runtime"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
	"mytinydocker/final/runtime"
)

// ExecOptions is what the user asks of a further program in a container. What is
// empty is as it is for the container's own.
type ExecOptions struct {
	Command    []string
	Env        []string
	WorkingDir string
	User       string
	Terminal   bool
	Stdin      bool
	Privileged bool
}

// Exec runs a further program in a container that runs and returns its exit status.
// It has no more rights than the container's own, and dies with us.
func (e *Engine) Exec(name string, options ExecOptions, streams Streams, attach AttachOptions) (int, error) {
	signals := catchSignals()
	defer signals.stop()
	passed := signals
	if attach.NoSignals {
		passed = nil
	}
	return e.execWatched(name, options, &streams, passed, func() {})
}

// ExecDetached runs a further program in the background, and returns when it runs.
// What it prints is lost.
func (e *Engine) ExecDetached(name string, options ExecOptions) error {
	id, err := e.Find(name)
	if err != nil {
		return err
	}
	conn, err := e.startMonitor(order{ID: id, Exec: &options}, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	return (&follower{conn: conn, explain: e.Explain}).awaitStart()
}

// monitorExec is what a monitor does for a further program in the background.
func (e *Engine) monitorExec(wanted order, client net.Conn) error {
	answer := &frames{to: client}
	if wanted.Explain {
		e.Explain = func(step explain.Step) { _ = answer.sendJSON(frameStep, step) } // nobody may be there to hear it
	}
	_, err := e.execWatched(wanted.ID, *wanted.Exec, nil, nil, func() {
		_ = answer.send(frameStarted, nil)
		client.Close()
	})
	if err != nil {
		return errors.Join(err, answer.sendJSON(frameExited, ending{Error: err.Error(), Status: statusOf(err)}))
	}
	return nil
}

// execWatched runs a further program and watches it to its end.
func (e *Engine) execWatched(name string, options ExecOptions, streams *Streams, signals *signals, runs func()) (int, error) {
	container, err := e.Get(name)
	if err != nil {
		return 0, err
	}
	if container.Status != Running {
		return 0, e.notRunning(&container, name)
	}
	process, err := e.execProcess(&container, options, streams)
	if err != nil {
		return 0, err
	}
	// The kernel kills the program with the thread that has started it.
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	started, err := e.enter(&container, process, options, signals)
	if err != nil {
		return 0, e.orEnded(&container, err)
	}
	runs()
	w := &watcher{engine: e, record: &container.Record, signals: signals, streams: streams, clients: new(clients)}
	w.record.Terminal, w.record.Stdin = options.Terminal, options.Stdin
	w.setContainer(started)
	if signals != nil {
		signals.forwardTo(w)
	}
	connected := (&outputs{watcher: w}).connect(started)
	status, err := started.Wait()
	return status, errors.Join(connected, err)
}

// orEnded says of a container that has ended meanwhile that this is why something failed
// with it.
func (e *Engine) orEnded(container *Container, err error) error {
	state, _ := e.readState(container.ID) // without one, nothing lives
	lives, _ := state.Program.lives()
	switch {
	case !lives, errors.Is(err, errNoProcess):
		return fmt.Errorf("the container %s has just ended: %w", container.Name, err)
	case !hasRoot(state.Program.folder()): // nor namespaces: it ends, or other threads go on without it
		return fmt.Errorf("the first thread of the container %s has just ended: %w", container.Name, err)
	}
	return err
}

func (e *Engine) notRunning(container *Container, name string) error {
	if container.Status == Paused {
		return fmt.Errorf("the container %s is paused: unpause it first (tinydocker unpause %s)", name, name)
	}
	if locked, err := e.isLocked(container.ID); err == nil && locked && container.Status == Created {
		return fmt.Errorf("the container %s is just being started: try again", name)
	}
	return fmt.Errorf("the container %s does not run: start it first (tinydocker start %s)", name, name)
}

// enter starts the program. The process that it joins is held by a pidfd, and is the
// one that was recorded: a number alone may be another's by now.
func (e *Engine) enter(container *Container, process *specs.Process, options ExecOptions, signals *signals) (*runtime.Container, error) {
	state, err := e.runningState(container.ID)
	if err != nil {
		return nil, err
	}
	handle, err := state.Program.open()
	if errors.Is(err, errNoProcess) {
		return nil, fmt.Errorf("the container %s has just ended", container.Name)
	}
	if err != nil {
		return nil, err
	}
	security := container.Security
	security.Privileged = security.Privileged || options.Privileged
	filter, err := seccompOf(&security)
	if err != nil {
		unix.Close(handle)
		return nil, err
	}
	pidfd := os.NewFile(uintptr(handle), "the container's first process")
	defer pidfd.Close()
	return runtime.Exec(process, runtime.ExecOptions{
		Pid: state.Program.Pid, Pidfd: pidfd, Stdin: options.Stdin,
		Cgroup: cgroupName(container.ID), Seccomp: filter, Log: e.Explain,
		UIDMappings: container.mappings(), GIDMappings: container.mappings(),
		Started: func(int) error {
			if signals == nil {
				return nil
			}
			return signals.arrived()
		},
	})
}

// execProcess is the program as the runtime gets it: what the container's own has,
// and what the user wants to be different.
func (e *Engine) execProcess(container *Container, options ExecOptions, streams *Streams) (*specs.Process, error) {
	if len(options.Command) == 0 {
		return nil, errors.New("no command: say what to run")
	}
	record := &container.Record
	changed := *record
	changed.Entrypoint, changed.Cmd, changed.Terminal = nil, options.Command, options.Terminal
	changed.WorkingDir, changed.User = or(options.WorkingDir, record.WorkingDir), or(options.User, record.User)
	if options.Privileged {
		changed.Security.Privileged = true
	}
	if err := changed.checkUsers(); err != nil {
		return nil, err
	}
	var err error
	if changed.Env, err = environment(record.Env, options.Env, &changed); err != nil {
		return nil, err
	}
	if options.User != "" {
		changed.Env = slices.DeleteFunc(changed.Env, func(variable string) bool { return hasVariable([]string{variable}, "HOME") })
	}
	account, err := e.accountInside(container, changed.User)
	if err != nil {
		return nil, err
	}
	process, err := processOf(&changed, account)
	if err != nil {
		return nil, err
	}
	process.ConsoleSize = streams.size(options.Terminal)
	return process, nil
}
