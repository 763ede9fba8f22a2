package volume

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func here(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(name)
	require.NoError(t, err)
	return path
}

func TestParse(t *testing.T) {
	for text, want := range map[string]Mount{
		"/data":              {Kind: Named, Target: "/data"},
		"/data/../x/":        {Kind: Named, Target: "/x"},
		"name:/data":         {Kind: Named, Source: "name", Target: "/data"},
		"na.me-1_2:/data:ro": {Kind: Named, Source: "na.me-1_2", Target: "/data", ReadOnly: true},
		"v:/d:rw,nocopy":     {Kind: Named, Source: "v", Target: "/d", NoCopy: true},
		"/src:/dst":          {Kind: Bind, Source: "/src", Target: "/dst", Create: true},
		"/src:/dst:ro,z":     {Kind: Bind, Source: "/src", Target: "/dst", Create: true, ReadOnly: true},
		"/a/../src/:/dst":    {Kind: Bind, Source: "/src", Target: "/dst", Create: true},
		"/s:/d:rprivate,ro":  {Kind: Bind, Source: "/s", Target: "/d", Create: true, ReadOnly: true},
		"./x:/d":             {Kind: Bind, Source: here(t, "x"), Target: "/d", Create: true},
		".:/d":               {Kind: Bind, Source: here(t, "."), Target: "/d", Create: true},
		"../x:/d:cached":     {Kind: Bind, Source: here(t, "../x"), Target: "/d", Create: true},
		"/a b,c:/d e,f":      {Kind: Bind, Source: "/a b,c", Target: "/d e,f", Create: true},
	} {
		mount, err := Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, want, mount, text)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", ":", "::", "data", "name:", ":/data", "name:data", "name:/", "/", "/src:/..", "/src:../x", "a/b:/data", "-rf:/data", ".x:/data",
		"..x:/d", "~/x:/d", "name:/d:", "name:/d:xx", "name:/d:ro,rw", "name:/d:ro,ro", "name:/d:rslave", "/s:/d:nocopy", "/s:/d:ro:rw",
		"/s:/d:rslave", "/s:/d:rshared,ro", "/s:/d:private,rprivate", "na me:/d", "n\x00:/d", "/s:/d\x00", strings.Repeat("n", 300) + ":/d", "ä:/d",
	} {
		_, err := Parse(text)
		require.ErrorContains(t, err, "invalid volume", "%q", text)
		require.NotContains(t, err.Error(), "\n")
	}
}

func TestParseMount(t *testing.T) {
	for text, want := range map[string]Mount{
		"target=/d":                            {Kind: Named, Target: "/d"},
		"type=volume,src=v,dst=/d":             {Kind: Named, Source: "v", Target: "/d"},
		"TYPE=volume,source=v,destination=/d/": {Kind: Named, Source: "v", Target: "/d"},
		"type=volume,dst=/d,volume-nocopy,volume-label=a=b,volume-label=c": {Kind: Named, Target: "/d", NoCopy: true,
			Labels: map[string]string{"a": "b", "c": ""}},
		"type=bind,src=/s,dst=/d,readonly":                                          {Kind: Bind, Source: "/s", Target: "/d", ReadOnly: true},
		"type=bind,src=s,dst=/d,ro=false":                                           {Kind: Bind, Source: here(t, "s"), Target: "/d"},
		`type=bind,"src=/a,b",dst=/d:e`:                                             {Kind: Bind, Source: "/a,b", Target: "/d:e"},
		"type=bind,src=/s,dst=/d,bind-propagation=rprivate,bind-recursive=disabled": {Kind: Bind, Source: "/s", Target: "/d", Alone: true},
		"type=tmpfs,dst=/d":                                                         {Kind: Tmpfs, Target: "/d"},
		"type=tmpfs,dst=/d,tmpfs-size=64m,tmpfs-mode=1770":                          {Kind: Tmpfs, Target: "/d", Size: 64 << 20, Mode: 0o1770},
		"dst=/d,type=tmpfs,ro":                                                      {Kind: Tmpfs, Target: "/d", ReadOnly: true},
	} {
		mount, err := ParseMount(text)
		require.NoError(t, err, text)
		require.Equal(t, want, mount, text)
	}
}

func TestParseMountRefuses(t *testing.T) {
	for _, text := range []string{
		"", "x", "type=nfs,dst=/d", "type=volume", "type=bind,dst=/d", "type=bind,src=/s", "dst=d", "dst=/", "dst=/d,dst=/e",
		"type=tmpfs,src=x,dst=/d", "type=bind,src=/s,dst=/d,volume-nocopy", "dst=/d,tmpfs-size=1m", "type=tmpfs,dst=/d,tmpfs-size=x",
		"type=tmpfs,dst=/d,tmpfs-size=0", "type=tmpfs,dst=/d,tmpfs-size=-1", "type=tmpfs,dst=/d,tmpfs-mode=9", "type=tmpfs,dst=/d,tmpfs-mode=77777",
		"dst=/d,ro=maybe", "dst=/d,src=a/b", "dst=/d,src=", `dst=/d,"src=x`, "dst=/d\nx", "dst=/d\x00", "dst=/d,volume-driver=nfs",
		"type=bind,src=/s,dst=/d,bind-propagation=x", "type=bind,src=/s,dst=/d,bind-propagation=shared", "dst=/d,volume-subpath=x", "dst=/d,bind-recursive=x", "dst=/d,,", "=x,dst=/d",
	} {
		_, err := ParseMount(text)
		require.ErrorContains(t, err, "invalid mount", "%q", text)
		require.NotContains(t, err.Error(), "\n")
	}
}

func TestParseTmpfs(t *testing.T) {
	for text, want := range map[string]Mount{
		"/t":                            {Kind: Tmpfs, Target: "/t"},
		"/t:ro,size=1g,mode=700,noexec": {Kind: Tmpfs, Target: "/t", ReadOnly: true, Size: 1 << 30, Mode: os.FileMode(0o700), Options: []string{"noexec"}},
		"/t:uid=1000,nr_inodes=5":       {Kind: Tmpfs, Target: "/t", Options: []string{"uid=1000", "nr_inodes=5"}},
	} {
		mount, err := ParseTmpfs(text)
		require.NoError(t, err, text)
		require.Equal(t, want, mount, text)
	}
	for _, text := range []string{"", "t", "/", "/t:", "/t:x", "/t:size=", "/t:uid=x", "/t:noexec=1", "/t:size=1m:ro", "/t\x00"} {
		_, err := ParseTmpfs(text)
		require.ErrorContains(t, err, "invalid tmpfs", "%q", text)
	}
}

// sound is what all that is parsed must be.
func sound(t *testing.T, mount Mount, err error) {
	t.Helper()
	if err != nil {
		require.NotContains(t, err.Error(), "\n")
		return
	}
	require.True(t, filepath.IsAbs(mount.Target))
	require.Equal(t, filepath.Clean(mount.Target), mount.Target)
	require.NotEqual(t, "/", mount.Target)
	require.NotContains(t, mount.Source+mount.Target, "\x00")
	switch mount.Kind {
	case Bind:
		require.True(t, filepath.IsAbs(mount.Source))
	case Named:
		require.NotContains(t, mount.Source, "/")
		require.False(t, strings.HasPrefix(mount.Source, "."))
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"/data", "name:/data:ro", "/s:/d:rslave", "./x:/d", "a:b:c:d", ":/x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		mount, err := Parse(text)
		sound(t, mount, err)
	})
}

func FuzzParseMount(f *testing.F) {
	for _, seed := range []string{"type=bind,src=/s,dst=/d,ro", `"src=a,b",dst=/x`, "type=tmpfs,dst=/t,tmpfs-size=1m"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		mount, err := ParseMount(text)
		sound(t, mount, err)
	})
}
