package image

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseReference(t *testing.T) {
	for name, want := range map[string]Reference{
		"base":            {"base", "latest"},
		"base:1.0":        {"base", "1.0"},
		"team/tool:V_1-2": {"team/tool", "V_1-2"},
		"a__b-c.d":        {"a__b-c.d", "latest"},
	} {
		reference, err := ParseReference(name)
		require.NoError(t, err, name)
		require.Equal(t, want, reference)
	}
}

func TestParseReferenceRefuses(t *testing.T) {
	for _, name := range []string{
		"", ":", "base:", ":latest", "Base", "../x", "a/../b", "/a", "a/", "a//b", ".a", "a.", "-a", "a b", "a\nb", "a\x00",
		"base:-x", "base:a/b", "base:" + strings.Repeat("x", 129), "base:a:b", "a..b", "ä",
	} {
		_, err := ParseReference(name)
		require.Error(t, err, "%q", name)
	}
}
