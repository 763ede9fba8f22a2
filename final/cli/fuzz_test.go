package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/final/engine"
)

// What a user types is understood or refused, in one line.
func FuzzValues(f *testing.F) {
	for _, seed := range []string{"nofile=1:2", "/dev/null:/dev/x:rwm", "{{.ID}}", "table {{.ID}}\t{{.Names}}", "json", "2026-01-02T03:04:05Z", "42m", "1e300", "-1", "seccomp=unconfined", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if limit, err := parseUlimit(text); err == nil {
			require.LessOrEqual(t, limit.Soft, limit.Hard)
		}
		if device, err := parseDevice(text); err == nil {
			require.True(t, filepath.IsAbs(device.Container), text)
		}
		_, _ = parseFormat(text)
		_, _ = parseMoment(text, time.Now())
		if !strings.Contains(text, "seccomp") { // that would be a file
			_ = parseSecurityOption(text, &engine.Security{})
		}
		require.NotContains(t, visible(text), "\n")
		require.NotContains(t, visible(text), "\x1b")
	})
}

func FuzzFilesOfSettings(f *testing.F) {
	f.Add([]byte("\ufeff# comment\nA=1\r\n  B=two words\n\nC\n"))
	f.Add([]byte("=x\n\x00\n\xff"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "settings")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		lines, err := readLines(path)
		if err != nil {
			return
		}
		for _, line := range lines {
			require.NotEmpty(t, line)
			require.NotContains(t, line, "\n")
			require.False(t, strings.HasPrefix(line, "#"))
		}
	})
}
