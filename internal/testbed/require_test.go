package testbed

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed/machine"
)

// Two requirements that no machine meets.
const (
	neverThere Requirement = "NeverThere"
	norThat    Requirement = "NorThat"
)

func init() {
	for name, mend := range map[Requirement]string{neverThere: "wait for ever", norThat: "give up"} {
		probes[name] = func() machine.Check {
			return machine.Check{Name: string(name), Found: "nowhere to be seen", Mend: mend}
		}
	}
}

func TestMissingRequirementsSkipAndSayWhy(t *testing.T) {
	t.Setenv("TESTBED_MUST", "")

	recorded := record(t, func(t testing.TB) { Require(t, neverThere, norThat) })

	require.Empty(t, recorded.errors)
	require.Equal(t, "requires NeverThere: nowhere to be seen (wait for ever); requires NorThat: nowhere to be seen (give up)", recorded.skipped)
}

func TestMissingRequirementFailsWhereItMustBeThere(t *testing.T) {
	for _, must := range []string{"NorThat", "Root NorThat", "Root,NorThat", "Root, NorThat"} {
		t.Setenv("TESTBED_MUST", must)

		recorded := record(t, func(t testing.TB) { Require(t, neverThere, norThat) })

		require.Empty(t, recorded.skipped, must)
		require.Len(t, recorded.errors, 1, must)
		require.Contains(t, recorded.errors[0], "NorThat: nowhere to be seen (give up)")
		require.Contains(t, recorded.errors[0], "TESTBED_MUST")
	}
}

// It is kept in the repository, and tests run in a folder of that.
func TestKernelThatWasDownloadedIsFound(t *testing.T) {
	repository := t.TempDir()
	defer func(old string) { ownFolder = old }(ownFolder)
	ownFolder = filepath.Join(repository, "internal", "vm")
	require.False(t, kernel().OK)
	boot := filepath.Join(repository, "bin", "vm", "kernel", "boot")
	require.NoError(t, os.MkdirAll(boot, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(boot, "vmlinuz-6.1"), nil, 0o600))

	require.True(t, kernel().OK)
}

func TestUnknownRequirementFails(t *testing.T) {
	t.Setenv("TESTBED_MUST", "")

	recorded := record(t, func(t testing.TB) { Require(t, "Overlya") })

	require.Empty(t, recorded.skipped)
	require.Len(t, recorded.errors, 1)
	require.Contains(t, recorded.errors[0], `unknown requirement "Overlya"`)
	require.Contains(t, recorded.errors[0], "AUFS, BaseImage, CgroupCPU")
}

// Or a typo in the CI's list would switch off what it was to insist on.
func TestUnknownRequirementInTheEnvironmentFailsEveryTest(t *testing.T) {
	t.Setenv("TESTBED_MUST", "Overlya")

	recorded := record(t, func(t testing.TB) { Require(t) })

	require.Len(t, recorded.errors, 1)
	require.Contains(t, recorded.errors[0], `unknown requirement "Overlya" in TESTBED_MUST`)
}

func TestRequirementFailsAndSkipsThroughMain(t *testing.T) {
	failed := inner(t, "Unknown").Run(t)
	require.Equal(t, 1, failed.Code, failed.Stdout)
	require.Contains(t, failed.Stdout, `unknown requirement "Overlya"`)

	skipped := inner(t, "Missing").Run(t)
	require.Zero(t, skipped.Code, skipped.Stdout)
	require.Contains(t, skipped.Stdout, "--- SKIP: BenchmarkInner")

	insisted := inner(t, "Missing", "TESTBED_MUST=NeverThere").Run(t)
	require.Equal(t, 1, insisted.Code, insisted.Stdout)
}

// A test that needs root and has not called Main would change the machine.
func TestRootWithoutMainFails(t *testing.T) {
	Require(t, Root)
	defer func(old string) { shared = old }(shared)
	shared = ""

	require.Contains(t, failureOf(t, func(t testing.TB) { Require(t, Root) }), "testbed.Main(m)")
}
