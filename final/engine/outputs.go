package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"mytinydocker/final/runtime"
)

// outputs is where a container's output goes, and where its input comes from.
type outputs struct {
	watcher *watcher
	log     *logWriter // nil for a container without a log
}

func (w *watcher) openOutputs() (*outputs, error) {
	if w.record.Log.Driver == LogNone {
		return &outputs{watcher: w}, nil
	}
	log, err := openLog(w.engine.logPath(w.record.ID), w.record.Log)
	if err != nil {
		return nil, err
	}
	return &outputs{watcher: w, log: log}, nil
}

func (o *outputs) close() {
	if o.log != nil {
		// What was written is with the kernel already.
		_ = o.log.close()
	}
}

// connect passes everything on until the container has closed its side.
func (o *outputs) connect(container *runtime.Container) error {
	w := o.watcher
	if w.streams != nil {
		restore, err := w.streams.connectInput(container, w.record, w.signals)
		if err != nil {
			_ = container.Signal(os.Kill) // as passOn does
			return err
		}
		defer restore()
	}
	if container.Console != nil {
		defer container.Console.Close()
		return o.passOn(container, container.Console, "stdout", frameOutput)
	}
	var group sync.WaitGroup
	var failures [2]error
	group.Go(func() { failures[0] = o.passOn(container, container.Stdout, "stdout", frameOutput) })
	group.Go(func() { failures[1] = o.passOn(container, container.Stderr, "stderr", frameErrors) })
	group.Wait()
	return errors.Join(failures[:]...)
}

// passOn copies one stream of the container's to the log, to our caller and to all
// who are attached. If our caller does not read it any more, the container finds
// its pipe closed, as it would have found ours. If our caller cannot keep it, the
// container is killed: whoever waits for its output would wait for ever.
func (o *outputs) passOn(container *runtime.Container, from io.ReadCloser, stream string, kind byte) error {
	own := o.watcher.streams.writer(kind)
	var log *lineSplitter
	if o.log != nil {
		log = &lineSplitter{log: o.log, stream: stream}
		defer log.finish()
	}
	buffer := make([]byte, 64<<10)
	for {
		count, err := from.Read(buffer)
		if log != nil {
			_, _ = log.Write(buffer[:count]) // it counts what it cannot write
		}
		o.watcher.clients.output(kind, buffer[:count])
		if _, failed := own.Write(buffer[:count]); failed != nil {
			return refuseOutput(container, from, failed)
		}
		// The kernel says EIO when the last program has closed the terminal.
		if errors.Is(err, io.EOF) || errors.Is(err, unix.EIO) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the container's output: %w", err)
		}
	}
}

func refuseOutput(container *runtime.Container, from io.Closer, failed error) error {
	closed := from.Close()
	if errors.Is(failed, syscall.EPIPE) {
		return closed
	}
	// It fails only if the container has just ended.
	_ = container.Signal(os.Kill)
	return fmt.Errorf("pass the container's output on: %w", failed)
}
