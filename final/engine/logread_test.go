package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// readAll returns what a reader has up to now.
func readAll(t *testing.T, reader *logReader) (all []string) {
	t.Helper()
	for {
		entry, err := reader.next()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, strings.TrimSpace(entry.Log))
	}
}

func openReader(t *testing.T, path string, tail int) *logReader {
	t.Helper()
	reader, err := openLogReader(path, tail)
	require.NoError(t, err)
	t.Cleanup(reader.close)
	return reader
}

func TestTailIsFoundAcrossFiles(t *testing.T) {
	log := newLog(t, Log{MaxSize: 200, MaxFile: 4})
	var want []string
	for number := range 7 {
		want = append(want, fmt.Sprint(number))
		log.write("stdout", fmt.Appendln(nil, number))
	}
	for tail := range 9 {
		require.Equal(t, append([]string(nil), want[max(0, 7-tail):]...), readAll(t, openReader(t, log.path, tail)), "tail %d", tail)
	}
	require.Equal(t, want, readAll(t, openReader(t, log.path, -1)))
}

func TestTailOfLongLines(t *testing.T) {
	log := newLog(t, Log{})
	for _, length := range []int{10, 100_000, 10, 70_000} {
		log.write("stdout", append([]byte(strings.Repeat("x", length)), '\n'))
	}

	got := readAll(t, openReader(t, log.path, 3))

	require.Len(t, got, 3)
	require.Len(t, got[0], 100_000)
}

func TestReaderFollowsRotation(t *testing.T) {
	log := newLog(t, Log{MaxSize: 400, MaxFile: 5})
	reader := openReader(t, log.path, -1)
	var got, want []string
	for number := range 40 {
		want = append(want, fmt.Sprint(number))
		log.write("stdout", fmt.Appendln(nil, number))
		if number%7 == 0 {
			got = append(got, readAll(t, reader)...)
		}
	}
	got = append(got, readAll(t, reader)...)

	require.Equal(t, want, got)
}

func TestLineIsReadWhenItIsComplete(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer file.Close()
	reader := openReader(t, path, -1)
	for _, part := range []string{`{"log":"a\n","str`, `eam":"stdout","time":"2026-01-02T03:04:05Z"`} {
		_, err = file.WriteString(part)
		require.NoError(t, err)
		require.Empty(t, readAll(t, reader))
	}
	_, err = file.WriteString("}\n")
	require.NoError(t, err)

	require.Equal(t, []string{"a"}, readAll(t, reader))
}

func TestDamagedLineIsLeftOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(path, []byte("{\"log\":\"ha\n\x00\x01\n"), 0o600))
	log, err := openLog(path, Log{})
	require.NoError(t, err)
	defer log.close()
	log.write("stdout", []byte("whole\n"))
	reader := openReader(t, path, -1)

	for range 2 {
		_, err := reader.next()
		require.ErrorIs(t, err, errDamaged)
	}
	require.Equal(t, []string{"whole"}, readAll(t, reader))
}

func TestNoLogIsAnEmptyOne(t *testing.T) {
	reader := openReader(t, filepath.Join(t.TempDir(), "log"), 5)
	require.Empty(t, readAll(t, reader))

	log, err := openLog(reader.path, Log{})
	require.NoError(t, err)
	defer log.close()
	log.write("stdout", []byte("first\n"))

	require.Equal(t, []string{"first"}, readAll(t, reader))
}
