package engine

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Both streams of a container are written at once: each keeps its order, through every
// rotation, and nothing is lost.
func TestStreamsKeepTheirOrderThroughRotation(t *testing.T) {
	log := newLog(t, Log{MaxSize: 20_000, MaxFile: 10_000})
	var group sync.WaitGroup
	for _, stream := range []string{"stdout", "stderr"} {
		group.Go(func() {
			splitter := &lineSplitter{log: log, stream: stream}
			for number := range 20_000 {
				fmt.Fprintf(splitter, "%d\n", number)
			}
			fmt.Fprint(splitter, "no end")
			splitter.finish()
		})
	}
	group.Wait()
	reader := openReader(t, log.path, -1)
	next := make(map[string]int)
	for {
		entry, err := reader.next()
		if err != nil {
			break
		}
		want := fmt.Sprintln(next[entry.Stream])
		if next[entry.Stream] == 20_000 {
			want = "no end"
		}
		require.Equal(t, want, entry.Log)
		next[entry.Stream]++
	}
	require.Equal(t, map[string]int{"stdout": 20_001, "stderr": 20_001}, next)
}

// A burst of 100 MB, in the portions of a pipe, is in the log to the last byte; who
// reads it slowly, from before its begin, sees all of it.
func TestBurstIsInTheLogToTheLastByte(t *testing.T) {
	log := newLog(t, Log{MaxSize: 10 << 20, MaxFile: 100})
	reader := openReader(t, log.path, -1)
	splitter := &lineSplitter{log: log, stream: "stdout"}
	portion := bytes.Repeat([]byte("0123456789abcdef0123456789abcdef0123456789abcde\n"), 1365) // 65520 bytes
	read := 0
	for range 100 << 20 / len(portion) {
		_, err := splitter.Write(portion)
		require.NoError(t, err)
		if entry, err := reader.next(); err == nil { // slower than it is written
			read += len(entry.Log)
		}
	}
	_, err := splitter.Write([]byte("no end"))
	require.NoError(t, err)
	splitter.finish()
	for {
		entry, err := reader.next()
		if err != nil {
			break
		}
		read += len(entry.Log)
	}
	require.Equal(t, 100<<20/len(portion)*len(portion)+len("no end"), read)
}

// A log that was removed is made anew; one that was replaced by something else is not
// followed, and both do not stop who prints.
func TestLogThatWasReplaced(t *testing.T) {
	for name, plant := range map[string]func(path string) error{
		"nothing": func(string) error { return nil },
		"link":    func(path string) error { return os.Symlink("/dev/null", path) },
		"fifo":    func(path string) error { return unix.Mkfifo(path, 0o600) },
		"folder":  func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			log := newLog(t, Log{MaxSize: 200, MaxFile: 3})
			reader := openReader(t, log.path, -1)
			log.write("stdout", []byte("before\n"))
			require.Equal(t, []string{"before"}, readAll(t, reader))
			require.NoError(t, os.Remove(log.path))
			require.NoError(t, plant(log.path))

			for number := range 20 {
				log.write("stdout", fmt.Appendln(nil, number))
			}

			if name == "nothing" {
				all := strings.Join(readAll(t, openReader(t, log.path, -1)), " ")
				require.True(t, strings.HasSuffix(all, "18 19"), all)
				return
			}
			_, err := openLogReader(log.path, -1)
			if err == nil { // rotated away, and what follows is a log again
				require.Contains(t, readAll(t, openReader(t, log.path, 1)), "19")
			}
		})
	}
}

// A disk on which no file can be made keeps the log from being rotated: then it grows,
// and none of its older parts is lost.
func TestLogThatCannotBeRotatedLosesNothing(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", folder, "tmpfs", 0, "nr_inodes=4"))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(folder, unix.MNT_DETACH)) })
	log, err := openLog(filepath.Join(folder, "log"), Log{MaxSize: 200, MaxFile: 9})
	require.NoError(t, err)
	var want []string
	for number := range 30 {
		log.write("stdout", fmt.Appendln(nil, number))
		want = append(want, fmt.Sprint(number))
	}
	require.NoError(t, log.close())

	require.Equal(t, want, readAll(t, openReader(t, log.path, -1)))
}

// However much has come at once, a file has no more than it is to have.
func TestBurstIsSpreadOverFiles(t *testing.T) {
	log := newLog(t, Log{MaxSize: 1000, MaxFile: 5})
	var pieces [][]byte
	for number := range 200 {
		pieces = append(pieces, fmt.Appendln(nil, number))
	}

	log.write("stdout", pieces...)

	files, err := filepath.Glob(log.path + "*")
	require.NoError(t, err)
	require.Len(t, files, 5)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.LessOrEqual(t, info.Size(), int64(1000), file)
	}
	lines := readAll(t, openReader(t, log.path, -1))
	require.Equal(t, "199", lines[len(lines)-1])
}
