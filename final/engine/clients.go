package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// hello is the first thing that a client says.
type hello struct {
	Output bool       `json:"output"` // whether the client wants the container's output
	Size   *specs.Box `json:"size,omitempty"`
}

// ending is the last thing that a client hears.
type ending struct {
	Exit  *Exit  `json:"exit,omitempty"`
	Error string `json:"error,omitempty"`
	// Status is the exit status for a container that did not start.
	Status int `json:"status,omitempty"`
}

// client is somebody who is connected with a watcher.
type client struct {
	conn   net.Conn
	frames *frames
	output bool
	size   *specs.Box
}

// clients are all that are connected with a watcher. They come and go as they like.
type clients struct {
	watcher  *watcher
	listener net.Listener

	mutex  sync.Mutex
	all    map[*client]bool
	closed bool
}

// newClients listens for clients at the socket of the watcher's container. first is
// a client that is connected already, or nil.
func newClients(w *watcher, first net.Conn) (*clients, error) {
	c := &clients{watcher: w, all: make(map[*client]bool)}
	if first != nil {
		if err := c.welcome(first); err != nil {
			return nil, fmt.Errorf("hear what is wanted: %w", err)
		}
	}
	listener, err := listen(w.engine.socketPath(w.record.ID))
	if err != nil {
		return nil, err
	}
	c.listener = listener
	go c.accept()
	return c, nil
}

func (e *Engine) socketPath(id string) string { return filepath.Join(e.runFolder(id), "socket") }

// listen makes a socket at path, which may be longer than an address of a socket
// can be (unix(7): 107 bytes): the folder is named by way of an open file. It is for
// root alone, whatever becomes of the folder.
func listen(path string) (listener net.Listener, err error) {
	err = inFolderOf(path, func(short string) error {
		if err := os.Remove(short); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if listener, err = net.Listen("unix", short); err != nil {
			return err
		}
		return os.Chmod(short, 0o600)
	})
	if err != nil {
		if listener != nil {
			listener.Close()
		}
		return nil, fmt.Errorf("listen for those who attach: %w", err)
	}
	// Nobody is to remove the file by the name that we have given it.
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	return listener, nil
}

func inFolderOf(path string, do func(short string) error) error {
	folder, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(folder)
	return do(fmt.Sprintf("/proc/self/fd/%d/%s", folder, filepath.Base(path)))
}

// accept welcomes clients until the listener is closed.
func (c *clients) accept() {
	for {
		conn, err := c.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			if c.welcome(conn) != nil {
				conn.Close() // it was none of ours
			}
		}()
	}
}

// welcome hears what a client wants, and then listens to it.
func (c *clients) welcome(conn net.Conn) error {
	kind, content, err := receive(conn)
	if err != nil {
		return err
	}
	var wanted hello
	if kind != frameHello {
		return fmt.Errorf("the first frame is a %q", kind)
	}
	if err := json.Unmarshal(content, &wanted); err != nil {
		return err
	}
	joined := &client{conn: conn, frames: &frames{to: conn}, output: wanted.Output, size: wanted.Size}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.all[joined] = true
	if c.watcher.current() != nil {
		_ = joined.frames.send(frameStarted, nil) // who has gone is found when it is listened to
	}
	go c.listenTo(joined)
	return nil
}

// listenTo does what a client asks for until it goes.
func (c *clients) listenTo(client *client) {
	defer c.leave(client)
	for {
		kind, content, err := receive(client.conn)
		if err != nil {
			return
		}
		if c.obey(kind, content) != nil {
			return
		}
	}
}

// obey does one thing that a client asks for. What comes too late for a program
// that has just ended, or while it is being started again, is dropped.
func (c *clients) obey(kind byte, content []byte) error {
	container := c.watcher.current()
	if container == nil {
		return nil
	}
	switch kind {
	case frameInput:
		input := container.Stdin
		if container.Console != nil {
			input = container.Console
		}
		if input != nil && c.watcher.record.Stdin {
			_, _ = input.Write(content) // EPIPE: the program does not read any more
		}
	case frameInputEnd:
		if container.Stdin != nil && c.watcher.record.StdinOnce {
			container.Stdin.Close()
		}
	case frameResize:
		var size specs.Box
		if err := json.Unmarshal(content, &size); err != nil {
			return err
		}
		if container.Console != nil {
			_ = setSize(container.Console, &unix.Winsize{Row: uint16(size.Height), Col: uint16(size.Width)})
		}
	case frameSignal:
		var number syscall.Signal
		if err := json.Unmarshal(content, &number); err != nil {
			return err
		}
		_ = container.Signal(number)
	default:
		return fmt.Errorf("a client has sent a frame %q", kind)
	}
	return nil
}

func (c *clients) leave(client *client) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	delete(c.all, client)
	client.conn.Close()
}

// each sends something to every client that is wanted. One that has gone is found,
// and left, when it is listened to. Others may come and go meanwhile.
func (c *clients) each(wanted func(*client) bool, send func(*frames) error) {
	c.mutex.Lock()
	present := slices.Collect(maps.Keys(c.all))
	c.mutex.Unlock()
	for _, client := range present {
		if wanted(client) && send(client.frames) != nil {
			client.conn.Close()
		}
	}
}

// setDeadline sets until when clients are waited for that do not read.
func (c *clients) setDeadline(deadline time.Time) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for client := range c.all {
		_ = client.conn.SetWriteDeadline(deadline) // it fails for one that is gone
	}
}

func everyone(*client) bool { return true }

func (c *clients) started() {
	c.each(everyone, func(to *frames) error { return to.send(frameStarted, nil) })
}

func (c *clients) step(step explain.Step) {
	c.each(everyone, func(to *frames) error { return to.sendJSON(frameStep, step) })
}

// output passes on what the container has printed. A client that does not read it
// holds the container up, as a terminal would that somebody has stopped.
func (c *clients) output(kind byte, content []byte) {
	if len(content) == 0 {
		return
	}
	c.each(func(client *client) bool { return client.output }, func(to *frames) error {
		_, err := frameWriter{to, kind}.Write(content)
		return err
	})
}

// size returns the size of the terminal of a client, or else other.
func (c *clients) size(other *specs.Box) *specs.Box {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for client := range c.all {
		if client.size != nil {
			return client.size
		}
	}
	return other
}

// exited lets all clients know how it has ended, and lets go of them.
func (c *clients) exited(exit *Exit, failed error) {
	last := ending{Exit: exit}
	if failed != nil {
		last.Error, last.Status = failed.Error(), statusOf(failed)
	}
	c.listener.Close()
	c.setDeadline(time.Now().Add(clientPatience))
	c.each(everyone, func(to *frames) error { return to.sendJSON(frameExited, last) })
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.closed = true
	for client := range c.all {
		client.conn.Close()
	}
}
