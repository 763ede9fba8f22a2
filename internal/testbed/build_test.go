package testbed

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const program = "mytinydocker/internal/sweep"

func TestBuildBuildsOnce(t *testing.T) {
	Require(t, GoTool)
	t.Setenv("TESTBED_BINARIES", "")
	path := Build(t, program)
	first, err := os.Stat(path)
	require.NoError(t, err)

	require.Equal(t, path, Build(t, program))

	second, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, os.SameFile(first, second))
	require.Equal(t, first.ModTime(), second.ModTime())
	require.Equal(t, "sweep", filepath.Base(path))
	require.Contains(t, Run(t, path, "/").Stderr, "sweep: refuse")
}

func TestBuildTakesWhatIsBuiltAlready(t *testing.T) {
	t.Setenv("TESTBED_BINARIES", t.TempDir())
	prebuilt := filepath.Join(os.Getenv("TESTBED_BINARIES"), "sweep")
	require.NoError(t, os.WriteFile(prebuilt, nil, 0o755))

	require.Equal(t, prebuilt, Build(t, program))
}

func TestDotIsTheFolderOfTheTests(t *testing.T) {
	t.Setenv("TESTBED_BINARIES", t.TempDir())
	prebuilt := filepath.Join(os.Getenv("TESTBED_BINARIES"), "testbed")
	require.NoError(t, os.WriteFile(prebuilt, nil, 0o755))
	t.Chdir("/")

	require.Equal(t, prebuilt, Build(t, "."))
}

func TestBuildThatFailsSaysWhatToDo(t *testing.T) {
	t.Setenv("TESTBED_BINARIES", "")

	failure := failureOf(t, func(t testing.TB) { Build(t, "mytinydocker/nosuch") })

	require.Contains(t, failure, "build mytinydocker/nosuch")
	require.Contains(t, failure, "go tool mage test")
}

// sudo may have taken HOME away, and with it the place of Go's caches.
func TestBuildNeedsNoHome(t *testing.T) {
	Require(t, GoTool)
	t.Setenv("TESTBED_BINARIES", "")
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "GOCACHE", "GOPATH", "GOMODCACHE"} {
		t.Setenv(name, "") // restores it at the end
		require.NoError(t, os.Unsetenv(name))
	}

	require.FileExists(t, Build(t, "mytinydocker/internal/doctor"))
}

// `go test -exec sudo` builds as the user, so that is whose caches are filled,
// and who must own what is written there.
func TestGoRunsAsWhoeverBuiltTheTests(t *testing.T) {
	Require(t, GoTool)
	t.Setenv("HOME", "/root")
	nobody := uint32(65534)

	command := goAs(nobody, nobody, "version")

	require.Equal(t, &syscall.Credential{Uid: nobody, Gid: nobody}, command.SysProcAttr.Credential)
	require.Equal(t, "/nonexistent", valueOf("HOME", command.Environ()))

	command = goAs(uint32(os.Geteuid()), uint32(os.Getegid()), "version")

	require.Nil(t, command.SysProcAttr)
	require.Equal(t, "/root", valueOf("HOME", command.Environ()))
	require.NoError(t, command.Run())
}

func valueOf(name string, environment []string) string {
	for _, variable := range environment {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}
