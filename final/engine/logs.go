package engine

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// timestampFormat is RFC 3339 with all nanoseconds, so that lines stand below each
// other, as docker-logs(1) has it.
const timestampFormat = "2006-01-02T15:04:05.000000000Z07:00"

// Logs prints what a container has printed, and with Follow what it prints until it
// ends. What it printed to its standard error goes to ours. A line of the log that
// is no entry, because its writer was killed, is left out, and damaged says how many
// there were.
func (e *Engine) Logs(name string, options LogOptions, streams Streams) (damaged int, err error) {
	id, err := e.Find(name)
	if err != nil {
		return 0, err
	}
	record, err := e.readRecord(id)
	if err != nil {
		return 0, err
	}
	if record.Log.Driver == LogNone {
		return 0, fmt.Errorf("the container %s keeps no log: it was made with --log-driver none", name)
	}
	// What is watched before it is read, is read.
	var waiter *logWaiter
	if options.Follow {
		if waiter, err = e.newLogWaiter(id); err != nil {
			return 0, err
		}
		defer waiter.close()
	}
	reader, err := openLogReader(e.logPath(id), options.Tail)
	if err != nil {
		return 0, err
	}
	defer reader.close()
	printer := logPrinter{options: options, streams: streams}
	for {
		err := printer.printFrom(reader)
		if err != nil || waiter == nil || printer.past {
			return printer.damaged, err
		}
		more, err := waiter.wait()
		if err != nil {
			return printer.damaged, err
		}
		if !more {
			waiter = nil // once more, for what came last
		}
	}
}

// logPrinter prints the entries of a log that are wanted.
type logPrinter struct {
	options LogOptions
	streams Streams
	damaged int
	past    bool // all that is wanted has come
}

func (p *logPrinter) printFrom(reader *logReader) error {
	for {
		entry, err := reader.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errDamaged):
			p.damaged++
			continue
		case err != nil:
			return err
		}
		if !p.options.Until.IsZero() && entry.Time.After(p.options.Until) {
			p.past = true
			return nil
		}
		if entry.Time.Before(p.options.Since) {
			continue
		}
		if err := p.print(entry); err != nil {
			return fmt.Errorf("print the log: %w", err)
		}
	}
}

func (p *logPrinter) print(entry logEntry) error {
	to := p.streams.Stdout
	if entry.Stream == "stderr" {
		to = p.streams.Stderr
	}
	line := entry.Log
	if p.options.Timestamps {
		line = entry.Time.Format(timestampFormat) + " " + line
	}
	_, err := io.WriteString(to, line)
	return err
}

// logWaiter waits for a log to grow.
type logWaiter struct {
	engine  *Engine
	id      string
	changes int // an inotify(7) instance
	watcher int // a pidfd of the container's watcher, or -1
}

func (e *Engine) newLogWaiter(id string) (*logWaiter, error) {
	w := &logWaiter{engine: e, id: id, watcher: -1}
	var err error
	if w.changes, err = unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK); err != nil {
		return nil, fmt.Errorf("watch the log: %w", err)
	}
	// The folder's events are those of all files in it, through every rotation.
	_, err = unix.InotifyAddWatch(w.changes, filepath.Dir(e.logPath(id)), unix.IN_MODIFY|unix.IN_MOVED_TO|unix.IN_CREATE)
	if err == nil {
		err = w.findWatcher()
	}
	if err != nil {
		w.close()
		return nil, fmt.Errorf("watch the log: %w", err)
	}
	return w, nil
}

// findWatcher opens the container's watcher, if it has one.
func (w *logWaiter) findWatcher() error {
	state, err := w.engine.readState(w.id)
	if err == nil {
		var handle int
		if handle, err = state.Watcher.open(); err == nil {
			w.watcher = handle
			return nil
		}
	}
	if errors.Is(err, errNoProcess) || errors.Is(err, errDamagedState) {
		return nil
	}
	return err
}

// wait waits until the log may have grown. It returns false when the container's
// watcher has gone, who will not write any more.
func (w *logWaiter) wait() (more bool, err error) {
	if w.watcher < 0 {
		return w.awaitWatcher()
	}
	poll := []unix.PollFd{{Fd: int32(w.changes), Events: unix.POLLIN}, {Fd: int32(w.watcher), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(poll, -1)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return false, fmt.Errorf("wait for the log to grow: %w", err)
		}
	}
	w.drain()
	return poll[1].Revents == 0, nil
}

// awaitWatcher gives a container that is just being started a moment to have a
// watcher.
func (w *logWaiter) awaitWatcher() (bool, error) {
	locked, err := w.engine.isLocked(w.id)
	if err != nil || !locked {
		return false, err
	}
	<-time.After(10 * time.Millisecond)
	return true, w.findWatcher()
}

func (w *logWaiter) drain() {
	events := make([]byte, 4096)
	for {
		if count, err := unix.Read(w.changes, events); err != nil || count <= 0 {
			return
		}
	}
}

func (w *logWaiter) close() {
	unix.Close(w.changes)
	if w.watcher >= 0 {
		unix.Close(w.watcher)
	}
}
