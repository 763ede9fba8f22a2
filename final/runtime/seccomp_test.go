package runtime

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"mytinydocker/final/seccomp"
)

// filtered has a capability with which only the filter can keep it from changing the
// host name.
func filtered(process *specs.Process, noNewPrivileges bool) {
	process.Args = []string{"sh", "-c", "hostname changed 2>&1; hostname; grep -E '^(Seccomp|NoNew|CapEff)' /proc/self/status"}
	set := []string{"CAP_SYS_ADMIN", "CAP_CHOWN"}
	process.Capabilities = &specs.LinuxCapabilities{Bounding: set, Effective: set, Permitted: set}
	process.NoNewPrivileges = noNewPrivileges
}

func TestProgramIsUnderItsFilter(t *testing.T) {
	for _, noNewPrivileges := range []bool{true, false} {
		spec := specOf(newRoot(t), "")
		spec.Hostname = "before"
		filtered(spec.Process, noNewPrivileges)
		spec.Linux.Seccomp = seccomp.Default(nil)
		stdout, _, err := runSpec(t, spec)
		require.NoError(t, err)
		require.Contains(t, stdout, "not permitted")
		require.Contains(t, stdout, "\nbefore\n")
		require.Contains(t, stdout, "Seccomp:\t2\nSeccomp_filters:\t1\n")
		require.Contains(t, stdout, "CapEff:\t0000000000200001\n")

		container := startSleeper(t, nil)
		process := shell("")
		filtered(process, noNewPrivileges)
		options := container.options()
		options.Seccomp = seccomp.Default(nil)
		started, err := Exec(process, options)
		require.NoError(t, err)
		output := everything(t, started)
		require.Contains(t, output, "not permitted")
		require.Contains(t, output, "Seccomp:\t2\n")
		require.Contains(t, output, "CapEff:\t0000000000200001\n")
	}
}

// Without no_new_privs it takes a capability to set a filter, which does not stay.
func TestFilterTakesNoCapabilityAlong(t *testing.T) {
	spec := specOf(newRoot(t), "grep -E '^(Cap|Seccomp:)' /proc/self/status")
	spec.Process.User.UID = 1000
	spec.Linux.Seccomp = seccomp.Default(nil)

	stdout, _, err := runSpec(t, spec)

	require.NoError(t, err)
	none := "0000000000000000\n"
	require.Equal(t, "CapInh:\t"+none+"CapPrm:\t"+none+"CapEff:\t"+none+"CapBnd:\t"+none+"CapAmb:\t"+none+"Seccomp:\t2\n", stdout)
}

// A reaper executes nothing, so it may stay without a filter; its program may not.
func TestReapedProgramIsUnderItsFilter(t *testing.T) {
	spec := specOf(newRoot(t), "")
	filtered(spec.Process, true)
	spec.Linux.Seccomp = seccomp.Default(nil)
	container := startReaped(t, spec)

	require.Contains(t, everything(t, container), "Seccomp:\t2\n")
}

func TestFilterThatCannotBeMadeIsRefused(t *testing.T) {
	spec := specOf("/no/such", "true")
	spec.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActNotify}

	_, err := Start(spec, Options{Started: func(int) error { t.Error("init has been started"); return nil }})

	require.ErrorContains(t, err, "SCMP_ACT_NOTIFY")
}
