package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"mytinydocker/final/explain"
	"mytinydocker/final/runtime"
)

// AttachOptions say how our caller is connected with a container.
type AttachOptions struct {
	NoStdin    bool
	NoSignals  bool   // do not pass on the signals that are sent to us
	DetachKeys string // "" for DefaultDetachKeys
}

// ErrDetached means that our caller has left a container that goes on running.
var ErrDetached = errors.New("detached")

// Attach connects our caller with a container that runs, until it ends, and returns
// its exit status.
func (e *Engine) Attach(name string, streams Streams, attach AttachOptions) (int, error) {
	id, err := e.Find(name)
	if err != nil {
		return 0, err
	}
	record, err := e.readRecord(id)
	if err != nil {
		return 0, err
	}
	conn, err := e.dial(id)
	if errors.Is(err, errNoProcess) {
		return 0, fmt.Errorf("the container %s does not run: start it first (tinydocker start %s)", name, name)
	}
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	return (&follower{conn: conn}).follow(record, streams, attach)
}

// dial connects us with the watcher of a container. The error is errNoProcess if
// nobody watches it.
func (e *Engine) dial(id string) (conn net.Conn, err error) {
	err = inFolderOf(e.socketPath(id), func(short string) error {
		conn, err = net.Dial("unix", short)
		return err
	})
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED) {
		return nil, errNoProcess
	}
	if err != nil {
		return nil, fmt.Errorf("reach the watcher of the container %.12s: %w", id, err)
	}
	return conn, nil
}

// follower is a client of a watcher.
type follower struct {
	conn    net.Conn
	explain explain.Log
}

// errWatcherDied means that a watcher has gone without a word. The kernel has then
// killed its container, too.
var errWatcherDied = errors.New("the watcher of the container has died, and the container with it")

// awaitStart waits until the program of the container runs.
func (f *follower) awaitStart() error {
	if err := (&frames{to: f.conn}).sendJSON(frameHello, hello{}); err != nil {
		return errWatcherDied
	}
	for {
		kind, content, err := receive(f.conn)
		switch {
		case err != nil:
			return errWatcherDied
		case kind == frameStarted:
			return nil
		case kind == frameExited:
			_, err := ended(content)
			return err
		default:
			f.explained(kind, content)
		}
	}
}

// awaitEnd waits until the container has ended.
func (f *follower) awaitEnd() (*Exit, error) {
	if err := (&frames{to: f.conn}).sendJSON(frameHello, hello{}); err != nil {
		return nil, errWatcherDied
	}
	for {
		kind, content, err := receive(f.conn)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, err
		}
		if err != nil {
			return nil, errWatcherDied
		}
		if kind == frameExited {
			return ended(content)
		}
	}
}

func (f *follower) explained(kind byte, content []byte) {
	var step explain.Step
	if kind == frameStep && f.explain != nil && json.Unmarshal(content, &step) == nil {
		f.explain(step)
	}
}

// ended understands the last frame.
func ended(content []byte) (*Exit, error) {
	var last ending
	if err := json.Unmarshal(content, &last); err != nil {
		return nil, fmt.Errorf("understand how the container has ended: %w", err)
	}
	if last.Error != "" {
		return nil, &runtime.StartError{Status: last.Status, Message: last.Error}
	}
	return last.Exit, nil
}

// follow passes everything between our caller and the container until one of them
// has had enough.
func (f *follower) follow(record *Record, streams Streams, attach AttachOptions) (int, error) {
	keys, err := ParseDetachKeys(or(attach.DetachKeys, DefaultDetachKeys))
	if err != nil {
		return 0, err
	}
	session := &session{
		follower: f, to: &frames{to: f.conn}, streams: streams, keys: keys,
		terminal: record.Terminal, input: record.Stdin && !attach.NoStdin, signals: !attach.NoSignals,
		detached: make(chan struct{}), restore: func() {},
	}
	defer func() { session.restore() }()
	if err := session.to.sendJSON(frameHello, hello{Output: true, Size: streams.size(record.Terminal)}); err != nil {
		return 0, errWatcherDied
	}
	return session.receiveAll()
}

// session is our caller's connection with a container.
type session struct {
	follower       *follower
	to             *frames
	streams        Streams
	keys           []byte
	terminal       bool
	input, signals bool
	begun          bool
	restore        func()
	detached       chan struct{}
}

func (s *session) receiveAll() (int, error) {
	for {
		kind, content, err := receive(s.follower.conn)
		if err != nil {
			return 0, s.lost()
		}
		switch kind {
		case frameOutput:
			_, err = s.streams.Stdout.Write(content)
		case frameErrors:
			_, err = s.streams.Stderr.Write(content)
		case frameStarted:
			err = s.begin()
		case frameExited:
			exit, err := ended(content)
			if err != nil {
				return 0, err
			}
			return exit.Status, nil
		default:
			s.follower.explained(kind, content)
		}
		if err != nil {
			return 0, fmt.Errorf("pass the container's output on: %w", err)
		}
	}
}

// lost is why the connection has come to its end without an ending.
func (s *session) lost() error {
	select {
	case <-s.detached:
		return ErrDetached
	default:
		return errWatcherDied
	}
}

// begin connects our side when the container's program runs. It may be started
// several times.
func (s *session) begin() (err error) {
	if s.begun {
		return nil
	}
	s.begun = true
	if s.signals {
		s.passSignals()
	}
	if s.terminal {
		s.passSize()
	}
	if !s.input {
		return nil
	}
	if s.terminal {
		if s.restore, err = makeRaw(s.streams.Stdin); err != nil {
			return err
		}
	}
	go s.passInput()
	return nil
}

// passInput passes our input on until its end, or until the keys for detaching come.
func (s *session) passInput() {
	scanner := detachScanner{keys: s.keys}
	if !s.terminal {
		scanner.keys = nil
	}
	buffer := make([]byte, 32<<10)
	for {
		count, err := s.streams.Stdin.Read(buffer)
		pass, detach := scanner.scan(buffer[:count])
		if len(pass) > 0 && s.to.send(frameInput, pass) != nil {
			return
		}
		if detach {
			s.detach()
			return
		}
		if errors.Is(err, io.EOF) {
			_ = s.to.send(frameInputEnd, nil) // a watcher that has gone needs no end
		}
		if err != nil {
			return
		}
	}
}

func (s *session) detach() {
	close(s.detached)
	s.follower.conn.Close()
}

// passSignals passes the signals that are sent to us on to the container. That our
// terminal has gone is nothing to a container with a terminal of its own.
func (s *session) passSignals() {
	caught := catchSignals()
	caught.forwardTo(signalFunc(func(number syscall.Signal) error {
		if number == syscall.SIGHUP && s.terminal {
			s.detach()
			return nil
		}
		return s.to.sendJSON(frameSignal, number)
	}))
}

// passSize has the container's terminal follow the size of ours.
func (s *session) passSize() {
	follow := func() {
		if columns, rows, err := term.GetSize(int(s.streams.Stdin.Fd())); err == nil {
			_ = s.to.sendJSON(frameResize, map[string]int{"height": rows, "width": columns})
		}
	}
	onResize(follow)
}
