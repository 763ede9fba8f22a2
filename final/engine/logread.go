package engine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// LogOptions say which part of a log is wanted.
type LogOptions struct {
	Follow     bool
	Tail       int       // how many of the last entries, or a negative number for all
	Since      time.Time // not before then, unless zero
	Until      time.Time // not after then, unless zero
	Timestamps bool
}

// logReader reads a log from its oldest file to its newest, and then what is
// appended, through every rotation.
type logReader struct {
	path    string
	file    *os.File
	lines   *bufio.Reader
	partial []byte // of a line that is not complete yet
}

// openLogReader opens the log at path at the place where its last tail entries
// begin. A container that has printed nothing may have no log: that is an empty
// one.
func openLogReader(path string, tail int) (*logReader, error) {
	reader := &logReader{path: path}
	files, err := reader.files()
	if err != nil || len(files) == 0 {
		return reader, err
	}
	first, offset := 0, int64(0)
	if tail >= 0 {
		first, offset, err = findTail(files, tail)
	}
	if err == nil {
		_, err = files[first].Seek(offset, io.SeekStart)
	}
	for index, file := range files {
		if index != first || err != nil {
			file.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	reader.use(files[first])
	return reader, nil
}

func (r *logReader) use(file *os.File) {
	r.file, r.lines = file, bufio.NewReaderSize(file, 64<<10)
}

// files opens all files of the log, the oldest first. While the log is rotated
// one may be seen twice, or not: then they are opened again.
func (r *logReader) files() (files []*os.File, err error) {
	for {
		newest, err := openOrdinary(r.path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		files = []*os.File{newest}
		for number := 1; err == nil; number++ {
			var older *os.File
			if older, err = openOrdinary(r.older(number)); err == nil {
				files = append([]*os.File{older}, files...)
			}
		}
		if !errors.Is(err, fs.ErrNotExist) {
			closeAll(files)
			return nil, err
		}
		if isAt(newest, r.path) {
			return files, nil
		}
		closeAll(files)
	}
}

func (r *logReader) older(number int) string { return r.path + "." + strconv.Itoa(number) }

func closeAll(files []*os.File) {
	for _, file := range files {
		file.Close()
	}
}

// isAt reports whether an open file is the one at path.
func isAt(file *os.File, path string) bool {
	there, err := os.Lstat(path)
	if err != nil {
		return false
	}
	opened, err := file.Stat()
	return err == nil && os.SameFile(there, opened)
}

// next returns the next complete entry, io.EOF if there is none yet, or errDamaged
// for a line that is no entry.
func (r *logReader) next() (logEntry, error) {
	for {
		if r.file == nil {
			if err := r.openFirst(); err != nil {
				return logEntry{}, err
			}
		}
		line, err := r.lines.ReadBytes('\n')
		r.partial = append(r.partial, line...)
		if err == nil {
			line, r.partial = r.partial, nil
			entry, err := parseEntry(line)
			if err != nil {
				return entry, errDamaged
			}
			return entry, nil
		}
		if !errors.Is(err, io.EOF) {
			return logEntry{}, fmt.Errorf("read the log: %w", err)
		}
		if advanced, err := r.advance(); err != nil || !advanced {
			return logEntry{}, errors.Join(err, io.EOF)
		}
	}
}

// errDamaged means that a line of a log is no entry: its writer was killed.
var errDamaged = errors.New("the line is no entry of a log")

func (r *logReader) openFirst() error {
	file, err := openOrdinary(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return io.EOF
	}
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	r.use(file)
	return nil
}

// advance goes on with the file that follows the one just read, if that has been
// rotated. What was appended between the last read and the rotation comes first:
// when the file has its new name, nothing is appended to it any more.
func (r *logReader) advance() (bool, error) {
	if isAt(r.file, r.path) {
		return false, nil
	}
	if rest, err := r.lines.Peek(1); err == nil && len(rest) == 1 {
		return true, nil
	}
	next := r.path
	for number := 1; ; number++ {
		if _, err := os.Lstat(r.older(number)); err != nil {
			break
		}
		if isAt(r.file, r.older(number)) {
			if number > 1 {
				next = r.older(number - 1)
			}
			break
		}
	}
	file, err := openOrdinary(next)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // in the midst of a rotation
	}
	if err != nil {
		return false, fmt.Errorf("read the log: %w", err)
	}
	r.file.Close()
	r.partial = nil
	r.use(file)
	return true, nil
}

func (r *logReader) close() {
	if r.file != nil {
		r.file.Close()
	}
}

// findTail returns the file, and the place in it, where the last count lines of
// all files begin. It reads backwards, so a long log takes no longer.
func findTail(files []*os.File, count int) (index int, offset int64, err error) {
	for index = len(files) - 1; index >= 0; index-- {
		info, err := files[index].Stat()
		if err != nil {
			return 0, 0, err
		}
		offset, missing, err := tailOf(files[index], info.Size(), count)
		if err != nil || missing == 0 {
			return index, offset, err
		}
		count = missing
	}
	return 0, 0, nil
}

// tailOf returns where the last count lines of a file of size bytes begin, and how
// many of them the file does not have.
func tailOf(file io.ReaderAt, size int64, count int) (offset int64, missing int, err error) {
	if count == 0 {
		return size, 0, nil
	}
	block := make([]byte, 64<<10)
	for end := size; end > 0; {
		start := max(0, end-int64(len(block)))
		part := block[:end-start]
		if _, err := file.ReadAt(part, start); err != nil {
			return 0, 0, err
		}
		for {
			newline := bytes.LastIndexByte(part, '\n')
			if newline < 0 {
				break
			}
			part = part[:newline]
			// The newline at the very end ends the last line and begins none.
			if position := start + int64(newline) + 1; position < size {
				if count--; count == 0 {
					return position, 0, nil
				}
			}
		}
		end = start
	}
	if size > 0 {
		count--
	}
	return 0, count, nil
}
