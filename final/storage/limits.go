package storage

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Limits are how much an archive may unpack to. A small file can stand for more
// than any disk holds.
type Limits struct {
	Bytes   int64 // of the archive, uncompressed; 0 for nine tenths of what is free
	Entries int64 // 0 for nine tenths of the inodes that are free
}

// noLimit is what a file system without a fixed number of inodes gets.
const noLimit = 1<<63 - 1

// on fills in what is free on the file system of path.
func (l Limits) on(path string) (Limits, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return l, fmt.Errorf("ask how much is free below %s: %w", path, err)
	}
	if l.Bytes == 0 {
		l.Bytes = int64(stat.Bavail) / 10 * 9 * stat.Bsize
	}
	if l.Entries == 0 {
		l.Entries = noLimit
		if stat.Files > 0 {
			l.Entries = int64(stat.Ffree) / 10 * 9
		}
	}
	return l, nil
}

// TooLargeError is returned for an archive that exceeds its limit.
type TooLargeError struct {
	Limit int64
	What  string // "bytes" or "entries"
}

func (e TooLargeError) Error() string {
	return fmt.Sprintf("it holds more than %d %s, which is all that there is room for", e.Limit, e.What)
}

// limited reads no more than a number of bytes.
type limited struct {
	io.Reader
	left, limit int64
}

func (l *limited) Read(buffer []byte) (int, error) {
	count, err := l.Reader.Read(buffer)
	if l.left -= int64(count); l.left < 0 {
		return count, TooLargeError{l.limit, "bytes"}
	}
	return count, err
}
