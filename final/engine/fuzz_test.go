package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"mytinydocker/final/seccomp"
)

// Whatever a record holds, it is read or refused, and what is read leads nowhere but
// where containers are.
func FuzzRecord(f *testing.F) {
	id := strings.Repeat("0", 64)
	whole, err := json.Marshal(Record{ID: id, Name: "name", Layers: []string{"sha256:" + id}})
	require.NoError(f, err)
	for _, seed := range []string{string(whole), "", "null", "{}", `{"id":"` + id + `","name":"../x"}`, `{"id":"` + id + `","name":"xx","layers":["../x"]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		engine := &Engine{root: t.TempDir(), run: t.TempDir()}
		require.NoError(t, os.MkdirAll(engine.folder(id), 0o700))
		require.NoError(t, os.MkdirAll(engine.root+"/names", 0o700))
		require.NoError(t, os.WriteFile(engine.recordPath(id), content, 0o600))

		container, err := engine.inspect(id)

		require.NoError(t, err)
		require.Equal(t, id, container.ID)
		if container.Status == Damaged {
			return
		}
		for _, layer := range engine.layerFolders(&container.Record) {
			require.Equal(t, filepath.Join(engine.root, "layers", driverOf(&container.Record).Name()), filepath.Dir(filepath.Dir(layer)))
		}
		require.Equal(t, engine.root+"/names", filepath.Dir(engine.namePath(container.Name)))
		_ = engine.checkRecord(&container.Record)
		_ = container.check()
	})
}

// A state proves nothing, and breaks nothing.
func FuzzState(f *testing.F) {
	for _, seed := range []string{`{"program":{"pid":1,"startTime":1,"bootID":"x"}}`, `{"program":{"pid":-1}}`, "null", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		id := strings.Repeat("0", 64)
		engine := &Engine{root: t.TempDir(), run: t.TempDir()}
		require.NoError(t, os.MkdirAll(engine.runFolder(id), 0o700))
		require.NoError(t, os.WriteFile(engine.statePath(id), content, 0o600))

		found, err := engine.readState(id)

		if err != nil {
			require.ErrorIs(t, err, errDamagedState)
			return
		}
		_, err = found.Program.open()
		require.Error(t, err, "nobody's start time is known to who writes that")
	})
}

// What a container prints, in whatever portions, is in its log: all of it, in its order.
func FuzzLog(f *testing.F) {
	f.Add([]byte("one\ntwo\r\n\x00\xff\xc3"), uint8(3))
	f.Add(bytes.Repeat([]byte("€"), 10000), uint8(100))
	f.Fuzz(func(t *testing.T, printed []byte, portion uint8) {
		path := filepath.Join(t.TempDir(), "log")
		log, err := openLog(path, Log{MaxSize: 50_000, MaxFile: 1000})
		require.NoError(t, err)
		splitter := &lineSplitter{log: log, stream: "stdout"}
		size := int(portion)*50 + 1
		for start := 0; start < len(printed); start += size {
			_, err := splitter.Write(printed[start:min(len(printed), start+size)])
			require.NoError(t, err)
		}
		splitter.finish()
		require.NoError(t, log.close())
		reader, err := openLogReader(path, -1)
		require.NoError(t, err)
		defer reader.close()

		var read strings.Builder
		for {
			entry, err := reader.next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			read.WriteString(entry.Log)
		}

		require.Equal(t, asText(printed), read.String())
	})
}

// asText has U+FFFD for each byte that is no part of a character.
func asText(content []byte) string {
	var text strings.Builder
	for len(content) > 0 {
		r, size := utf8.DecodeRune(content)
		text.WriteRune(r)
		content = content[size:]
	}
	return text.String()
}

// Whatever a log holds, reading it ends, from any place.
func FuzzLogFile(f *testing.F) {
	f.Add([]byte(`{"log":"a\n","stream":"stdout","time":"2026-01-02T03:04:05Z"}`+"\n{\n\x00"), []byte("\n\n"), 2)
	f.Add([]byte("no end"), []byte{}, 0)
	f.Fuzz(func(t *testing.T, newest, older []byte, tail int) {
		path := filepath.Join(t.TempDir(), "log")
		require.NoError(t, os.WriteFile(path, newest, 0o600))
		require.NoError(t, os.WriteFile(path+".1", older, 0o600))
		reader, err := openLogReader(path, tail)
		require.NoError(t, err)
		defer reader.close()
		lines := bytes.Count(newest, []byte("\n")) + bytes.Count(older, []byte("\n"))
		for count := 0; ; count++ {
			_, err := reader.next()
			if err != nil && !errors.Is(err, errDamaged) {
				require.ErrorIs(t, err, io.EOF)
				break
			}
			require.LessOrEqual(t, count, lines)
		}
		log, err := openLog(path, Log{})
		require.NoError(t, err)
		require.NoError(t, log.close())
	})
}

// The files of an image are somebody else's.
func FuzzAccount(f *testing.F) {
	f.Add("name:group", "name:x:1:2::/home:/bin/sh\n", "group:x:3:name\n", "4")
	f.Add("1", "", ":::::::::\n::::", "x")
	f.Add("", "a:b:99999999999:-1::\n", "g:x:-5:\n", "")
	f.Fuzz(func(t *testing.T, name, passwd, group, more string) {
		account, err := accountOf(name, []string{more}, accounts(passwd, group))
		if err != nil {
			return
		}
		for _, id := range append(account.Sgids, account.Uid, account.Gid) {
			require.GreaterOrEqual(t, id, 0)
			require.LessOrEqual(t, id, 1<<31-1)
		}
	})
}

func FuzzProfile(f *testing.F) {
	f.Add(`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":1,"value":2,"op":"SCMP_CMP_EQ"}]}]}`)
	f.Add(`{"defaultAction":"x","syscalls":[{}]}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, text string) {
		profile, err := parseProfile(text)
		if err != nil {
			return
		}
		filter, err := seccomp.Assemble(profile)
		if err == nil {
			require.NotEmpty(t, filter.Code)
			require.Zero(t, len(filter.Code)%8)
		}
	})
}

// What a user types, and what /proc says, is understood or refused.
func FuzzWords(f *testing.F) {
	for _, seed := range []string{
		"name:/path", "ctrl-p,ctrl-q", "on-failure:3", "SIGRTMIN+3", "KILL", "9", "1 (a) b) S 1 1 1 34816 1 0 0 0 0 0 1 2 0 0 0 0 1 0 99", "eth0: 1 2 3 4 5 6 7 8 9\n", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_ = ParsePlace(text)
		if keys, err := ParseDetachKeys(text); err == nil {
			require.NotContains(t, keys, byte(0xff))
		}
		if restart, err := ParseRestart(text); err == nil {
			require.GreaterOrEqual(t, restart.Max, 0)
		}
		if number, err := ParseSignal(text); err == nil {
			require.Positive(t, int(number))
			require.LessOrEqual(t, int(number), 64)
		}
		_, _ = parseProcess([]byte(text), time.Time{})
		_, _, _ = parseLinks([]byte(text))
	})
}

// Names, ids and host names as regular expressions have them.
func FuzzNames(f *testing.F) {
	name := regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$`)
	id := regexp.MustCompile(`^[0-9a-f]{64}$`)
	label := `[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?`
	host := regexp.MustCompile(`^` + label + `(\.` + label + `)*$`)
	for _, seed := range []string{"", "a", "ab", "a.b", "-ab", "a-", "a..b", ".a", "a_b", "ä", "aä", "a\n", newID(), newID() + "0", strings.Repeat("a", 129)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		require.Equal(t, name.MatchString(text), validName(text), "%q", text)
		require.Equal(t, id.MatchString(text), validID(text), "%q", text)
		require.Equal(t, host.MatchString(text) && len(text) <= 64, validHostname(text), "%q", text)
	})
}
