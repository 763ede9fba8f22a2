package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDetachKeysAreParsed(t *testing.T) {
	for text, want := range map[string]string{
		"ctrl-p,ctrl-q": "\x10\x11", "ctrl-a,d": "\x01d", "ctrl-@": "\x00", `ctrl-\`: "\x1c", "x": "x", "ctrl-[,A": "\x1bA",
	} {
		keys, err := ParseDetachKeys(text)
		require.NoError(t, err, text)
		require.Equal(t, want, string(keys), text)
	}
	for _, text := range []string{"", "ctrl-", "ctrl-ä", "ctrl-ab", "shift-a", "a,,b", "ctrl-1"} {
		_, err := ParseDetachKeys(text)
		require.Error(t, err, text)
	}
}

func TestKeysAreFoundHoweverTheyCome(t *testing.T) {
	for input, want := range map[string]struct {
		pass   string
		detach bool
	}{
		"abc":          {"abc", false},
		"a\x10\x11b":   {"a", true},
		"\x10a\x11":    {"\x10a\x11", false},
		"\x10\x10\x11": {"\x10", true},
		"\x11\x10":     {"\x11", false},
	} {
		for size := 1; size <= len(input); size++ {
			scanner := detachScanner{keys: []byte("\x10\x11")}
			pass, detach := "", false
			for start := 0; start < len(input) && !detach; start += size {
				var part []byte
				part, detach = scanner.scan([]byte(input[start:min(len(input), start+size)]))
				pass += string(part)
			}
			require.Equal(t, want.detach, detach, "%q", input)
			require.Equal(t, want.pass, pass, "%q", input)
		}
	}
}

func TestKeysThatRepeatThemselves(t *testing.T) {
	scanner := detachScanner{keys: []byte("aab")}

	pass, detach := scanner.scan([]byte("xaaab"))

	require.True(t, detach)
	require.Equal(t, "xa", string(pass))
}
