package engine

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func newLog(t *testing.T, options Log) *logWriter {
	t.Helper()
	log, err := openLog(filepath.Join(t.TempDir(), "log"), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.close()) })
	return log
}

// entries reads a log file strictly.
func entries(t *testing.T, path string) (all []logEntry) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range bytes.Lines(content) {
		entry, err := parseEntry(line)
		require.NoError(t, err, "%q", line)
		all = append(all, entry)
	}
	return all
}

func texts(entries []logEntry) (all []string) {
	for _, entry := range entries {
		all = append(all, entry.Log)
	}
	return all
}

func TestEveryLineIsAnEntry(t *testing.T) {
	log := newLog(t, Log{})
	stdout := &lineSplitter{log: log, stream: "stdout"}
	for _, part := range []string{"one\ntw", "o\n", "\nlast"} {
		_, err := stdout.Write([]byte(part))
		require.NoError(t, err)
	}
	stdout.finish()

	got := entries(t, log.path)

	require.Equal(t, []string{"one\n", "two\n", "\n", "last"}, texts(got))
	require.Equal(t, "stdout", got[0].Stream)
	require.WithinDuration(t, time.Now(), got[0].Time, time.Minute)
}

func TestLongLineComesInPiecesThatCutNoCharacter(t *testing.T) {
	log := newLog(t, Log{})
	stdout := &lineSplitter{log: log, stream: "stdout"}
	line := "x" + strings.Repeat("äöü€😀", 20000) + "\n"
	for start := 0; start < len(line); start += 1000 {
		_, err := stdout.Write([]byte(line[start:min(len(line), start+1000)]))
		require.NoError(t, err)
	}

	got := texts(entries(t, log.path))

	require.Equal(t, line, strings.Join(got, ""))
	for _, piece := range got[:len(got)-1] {
		require.LessOrEqual(t, len(piece), maxLogLine)
		require.Greater(t, len(piece), maxLogLine-4)
	}
}

func TestEntriesAreWhatTheJSONPackageReads(t *testing.T) {
	for _, text := range []string{"plain", "\"quoted\" \\ and\ttab\r\n", "\x00\x01\x1f\x7f", "ä€😀", "  ", "<&>", "\xff\xfe", "a\xc3"} {
		line := appendEntry(nil, "stderr", []byte(text), time.Unix(1, 5))
		var entry logEntry

		require.NoError(t, json.Unmarshal(line, &entry), "%q", line)
		require.Equal(t, strings.ToValidUTF8(text, "�"), strings.ReplaceAll(entry.Log, "��", "�"))
		require.Equal(t, "stderr", entry.Stream)
		require.True(t, entry.Time.Equal(time.Unix(1, 5)))
	}
}

func TestLogIsRotated(t *testing.T) {
	log := newLog(t, Log{MaxSize: 200, MaxFile: 3})
	stdout := &lineSplitter{log: log, stream: "stdout"}
	for number := range 9 {
		_, err := stdout.Write([]byte{byte('0' + number), '\n'})
		require.NoError(t, err)
	}

	require.Equal(t, []string{"8\n"}, texts(entries(t, log.path)))
	require.Equal(t, []string{"6\n", "7\n"}, texts(entries(t, log.path+".1")))
	require.Equal(t, []string{"4\n", "5\n"}, texts(entries(t, log.path+".2")))
	require.NoFileExists(t, log.path+".3")
}

func TestLogOfOneFileStartsAnew(t *testing.T) {
	log := newLog(t, Log{MaxSize: 100, MaxFile: 1})
	for _, text := range []string{"1\n", "2\n"} {
		log.write("stdout", []byte(text))
	}

	require.Equal(t, []string{"2\n"}, texts(entries(t, log.path)))
	require.NoFileExists(t, log.path+".1")
}

func TestUnfinishedLineOfAKilledWriterIsEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(path, []byte(`{"log":"ha`), 0o600))
	log, err := openLog(path, Log{})
	require.NoError(t, err)
	log.write("stdout", []byte("whole\n"))
	require.NoError(t, log.close())

	content, err := os.ReadFile(path)

	require.NoError(t, err)
	lines := strings.Split(string(content), "\n")
	require.Contains(t, lines[0], "ha")
	require.NotContains(t, lines[0], "whole")
	require.Contains(t, lines[1], "whole")
}

func TestLogIsNotWrittenElsewhere(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.Symlink("/dev/null", filepath.Join(folder, "link")))
	require.NoError(t, unix.Mkfifo(filepath.Join(folder, "fifo"), 0o600))
	for _, name := range []string{"link", "fifo"} {
		_, err := openLog(filepath.Join(folder, name), Log{})

		require.Error(t, err, name)
	}
}

func TestFullDiskLosesOutputAndSaysSo(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", folder, "tmpfs", 0, "size=16k"))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(folder, unix.MNT_DETACH)) })
	log, err := openLog(filepath.Join(folder, "log"), Log{})
	require.NoError(t, err)
	log.write("stdout", []byte("first\n"))
	for range 10 {
		log.write("stdout", bytes.Repeat([]byte("x"), 3000))
	}
	require.NoError(t, os.Truncate(log.path, 0))
	log.size = 0
	log.write("stdout", []byte("last\n"))
	require.NoError(t, log.close())

	got := texts(entries(t, log.path))

	require.Len(t, got, 2)
	require.Regexp(t, `^tinydocker: \d+000 bytes of output are lost`, got[0])
	require.Equal(t, "last\n", got[1])
}
