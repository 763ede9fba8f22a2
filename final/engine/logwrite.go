package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A log is a file with an object of JSON on each line, as Docker's json-file
// driver writes it:
//
//	{"log":"hello\n","stream":"stdout","time":"2026-01-02T03:04:05.678901234Z"}
//
// A line of output that is longer than maxLogLine comes in several of them, of
// which only the last ends in a newline. The older parts of a log that is rotated
// are PATH.1, PATH.2 and so on, the newest first.

// maxLogLine is the longest piece of output in one entry, in bytes.
const maxLogLine = 16 << 10

// How a container's output is kept.
const (
	LogJSON = "json-file"
	LogNone = "none"
)

// Log says how a container's output is kept.
type Log struct {
	Driver  string `json:"driver"`
	MaxSize int64  `json:"maxSize,omitempty"` // of one file in bytes, 0 for no limit
	MaxFile int    `json:"maxFile,omitempty"` // how many files, with those that are older
}

// logWriter appends to a log. An output that cannot be kept, on a full disk, is
// left out and counted, and the log says so as soon as it can: the container must
// not wait for a disk to have room.
type logWriter struct {
	mutex   sync.Mutex
	path    string
	file    *os.File
	size    int64
	options Log
	lost    int64
	buffer  []byte
	now     func() time.Time
}

// openLog opens the log at path to append to it. What is there and is no ordinary
// file is refused: the log must not become something else's content.
func openLog(path string, options Log) (*logWriter, error) {
	writer := &logWriter{path: path, options: options, now: time.Now}
	if err := writer.open(); err != nil {
		return nil, err
	}
	return writer, nil
}

func (w *logWriter) open() error {
	file, err := os.OpenFile(w.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no ordinary file", w.path)
	}
	if err == nil {
		err = repairEnd(w.path, file, info.Size())
	}
	if err == nil {
		info, err = file.Stat()
	}
	if err != nil {
		file.Close()
		return fmt.Errorf("open the log: %w", err)
	}
	w.file, w.size = file, info.Size()
	return nil
}

// repairEnd ends a line that a writer who was killed has left unfinished: what
// follows must begin a line of its own.
func repairEnd(path string, file *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	reader, err := os.Open(path)
	if err != nil {
		return err
	}
	defer reader.Close()
	last := make([]byte, 1)
	if _, err := reader.ReadAt(last, size-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = file.WriteString("\n")
	return err
}

// write appends entries for pieces of one stream's output, all with one time.
func (w *logWriter) write(stream string, pieces ...[]byte) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	when := w.now().UTC()
	w.begin(when)
	length := int64(0)
	for _, piece := range pieces {
		before := len(w.buffer)
		w.buffer = appendEntry(w.buffer, stream, piece, when)
		if length > 0 && w.options.MaxSize > 0 && int64(len(w.buffer)) > w.options.MaxSize {
			// What has come at once is more than a file is to have.
			entry := slices.Clone(w.buffer[before:])
			w.buffer = w.buffer[:before]
			w.end(length)
			w.begin(when)
			w.buffer, length = append(w.buffer, entry...), 0
		}
		length += int64(len(piece))
	}
	w.end(length)
}

// begin begins a buffer, with a word on what there was no room for.
func (w *logWriter) begin(when time.Time) {
	w.buffer = w.buffer[:0]
	if w.lost > 0 {
		w.buffer = appendEntry(w.buffer, "stderr", fmt.Appendf(nil, "tinydocker: %d bytes of output are lost: there was no room for them\n", w.lost), when)
	}
}

// end writes a buffer with so many bytes of output.
func (w *logWriter) end(length int64) {
	if w.append() != nil {
		w.lost += length
		return
	}
	w.lost = 0
}

// append writes the buffer as a whole or takes back what of it was written.
func (w *logWriter) append() error {
	// A log that cannot be rotated grows, so that nothing is lost.
	_ = w.rotate()
	count, err := w.file.Write(w.buffer)
	if err != nil {
		return errors.Join(err, w.file.Truncate(w.size))
	}
	w.size += int64(count)
	return nil
}

// rotate begins another file when this one is full, or when somebody has removed it or
// put something else in its place: what is ours to write is not for that. The new file
// is there before anything else changes.
func (w *logWriter) rotate() error {
	full := w.options.MaxSize > 0 && w.size > 0 && w.size+int64(len(w.buffer)) > w.options.MaxSize
	gone := !isAt(w.file, w.path)
	if !full && !gone {
		return nil
	}
	temporary := w.path + ".new"
	next, err := os.OpenFile(temporary, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	if !gone {
		err = w.shift()
	}
	if err == nil {
		err = os.Rename(temporary, w.path)
	}
	if err != nil {
		return errors.Join(err, next.Close(), os.Remove(temporary))
	}
	w.file.Close()
	w.file, w.size = next, 0
	return nil
}

// shift gives each file of the log the name of the one that is older. The oldest goes,
// if there are as many as there may be.
func (w *logWriter) shift() error {
	older := func(number int) string { return w.path + "." + strconv.Itoa(number) }
	if w.options.MaxFile <= 1 {
		return nil // the new file takes its place
	}
	last := 1
	for last < w.options.MaxFile-1 {
		if _, err := os.Lstat(older(last)); errors.Is(err, fs.ErrNotExist) {
			break
		}
		last++
	}
	for number := last; number >= 1; number-- {
		from := w.path
		if number > 1 {
			from = older(number - 1)
		}
		if err := os.Rename(from, older(number)); err != nil {
			return err
		}
	}
	return nil
}

func (w *logWriter) close() error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.file.Close()
}
