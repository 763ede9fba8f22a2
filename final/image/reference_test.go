package image

import (
	"regexp"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

const someDigest = digest.Digest("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")

func TestParseReference(t *testing.T) {
	for name, want := range map[string]Reference{
		"base":                                {"base", "latest", ""},
		"base:1.0":                            {"base", "1.0", ""},
		"team/tool:V_1-2":                     {"team/tool", "V_1-2", ""},
		"a__b-c.d":                            {"a__b-c.d", "latest", ""},
		"library/alpine":                      {"alpine", "latest", ""},
		"docker.io/library/alpine":            {"alpine", "latest", ""},
		"index.docker.io/library/alpine:3":    {"alpine", "3", ""},
		"docker.io/team/tool":                 {"team/tool", "latest", ""},
		"localhost/x":                         {"localhost/x", "latest", ""},
		"localhost:5000/x":                    {"localhost:5000/x", "latest", ""},
		"127.0.0.1:5000/a/b:c":                {"127.0.0.1:5000/a/b", "c", ""},
		"ghcr.io/a/b/c@" + string(someDigest): {"ghcr.io/a/b/c", "", someDigest},
		"alpine:3.19@" + string(someDigest):   {"alpine", "3.19", someDigest},
		"registry.example.com:443/x:5000":     {"registry.example.com:443/x", "5000", ""},
		"a:" + strings.Repeat("x", 128):       {"a", strings.Repeat("x", 128), ""},
	} {
		reference, err := ParseReference(name)
		require.NoError(t, err, name)
		require.Equal(t, want, reference, name)
		again, err := ParseReference(reference.String())
		require.NoError(t, err, name)
		require.Equal(t, reference, again, name)
	}
}

func TestParseReferenceRefuses(t *testing.T) {
	for _, name := range []string{
		"", ":", "base:", ":latest", "Base", "../x", "a/../b", "/a", "a/", "a//b", ".a", "a.", "-a", "a b", "a\nb", "a\x00",
		"base:-x", "base:.x", "base:a/b", "base:" + strings.Repeat("x", 129), "base:a:b", "a..b", "ä", "a___b", "a@", "a@b",
		"a@sha256:../../x", "a@sha256:abc", "a@" + strings.ToUpper(string(someDigest)), "@" + string(someDigest),
		"http://a/b", "a.b:port/x", strings.Repeat("a", 600), strings.Repeat("a", 64), "localhost:5000/", "user@host/x",
		"[::1/x", "a.b/x y", "-rf", "a/.wh.b/..",
	} {
		_, err := ParseReference(name)
		require.ErrorContains(t, err, "invalid image name", "%q", name)
	}
}

// What a component is, distribution/reference says by this expression.
func FuzzComponent(f *testing.F) {
	component := regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$`)
	for _, seed := range []string{"", "a", "a-b", "a--b", "a__b", "a___b", "a.b", "a..b", "-a", "a-", "a_-b", "a.-b", "A", "ä", "a\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		require.Equal(t, component.MatchString(text), isComponent(text), "%q", text)
	})
}

func FuzzParseReference(f *testing.F) {
	for _, seed := range []string{"base", "a/b:c", "localhost:5000/x@" + string(someDigest), "a/../b", "A:B"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		reference, err := ParseReference(name)
		if err != nil {
			return
		}
		require.NotContains(t, "/"+reference.Repository+"/", "/../")
		again, err := ParseReference(reference.String())
		require.NoError(t, err)
		require.Equal(t, reference, again)
		_, err = reference.remote()
		require.NoError(t, err)
	})
}
