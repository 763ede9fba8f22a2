package main

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// threeContainers makes one that was created, one that has failed and one that runs.
func threeContainers(t *testing.T) *host {
	t.Helper()
	host := newHost(t)
	host.ok("create", "--name", "first", "-l", "tier=front", "-l", "empty", "base", "true")
	require.Equal(t, 3, host.tinydocker("run", "--name", "second", "-l", "tier=back,end", "base", "sh", "-c", "exit 3").Code)
	host.ok("run", "-d", "--name", "third", "base", "sh", "-c", patient)
	host.ready("third")
	t.Cleanup(func() { host.tinydocker("rm", "-f", "first", "second", "third") })
	return host
}

func TestContainersAreFiltered(t *testing.T) {
	host := threeContainers(t)
	id := host.ok("ps", "-aq", "--filter", "name=second", "--no-trunc")
	for filters, want := range map[string]string{
		"":                                "third",
		"-a":                              "third second first",
		"-l":                              "third",
		"-n 2":                            "third second",
		"-n 0":                            "",
		"-a -n1":                          "third",
		"--filter status=exited":          "second",
		"--filter status=created":         "first",
		"--filter exited=3":               "second",
		"--filter exited=4":               "",
		"-a --filter name=ir":             "third first",
		"-a --filter label=tier":          "second first",
		"-a --filter label=tier=back,end": "second",
		"-a --filter label=empty":         "first",
		"-a --filter id=" + id[:5]:        "second",
		"-a --filter since=first":         "third second",
		"-a --filter before=third":        "second first",
		"-a --filter ancestor=base":       "third second first",
		"-a --filter ancestor=nosuch":     "",
		"-a --filter name=first --filter name=third":            "third first",
		"-a --filter name=second --filter status=created":       "",
		"--filter status=created --filter status=exited -a -n9": "second first",
	} {
		args := append([]string{"ps", "--format", "{{.Names}}"}, strings.Fields(filters)...)

		require.Equal(t, want, strings.Join(strings.Fields(host.ok(args...)), " "), filters)
	}
}

func TestListsTakeFormats(t *testing.T) {
	host := threeContainers(t)

	require.Equal(t, "second|Exited (3)|SECOND|back,end", host.ok("ps", "-a", "--filter", "name=second", "--format",
		`{{.Names}}|{{slice .Status 0 10}}|{{upper .Names}}|{{.Label "tier"}}`))
	table := strings.Split(host.ok("ps", "-a", "--format", `table {{.Names}}\t{{.Label "tier"}}\t{{.RunningFor}}`), "\n")
	require.Regexp(t, `^NAMES +TIER +CREATED$`, strings.TrimSpace(table[0]))
	require.Len(t, table, 4)
	var row map[string]string
	require.NoError(t, json.Unmarshal([]byte(host.ok("ps", "--format", "json")), &row))
	require.Equal(t, "third", row["Names"])
	require.Equal(t, "running", row["State"])
	require.Len(t, strings.Fields(host.ok("ps", "-aq", "--format", "{{.Names}}")), 3, "-q wins")
	require.Regexp(t, ` SIZE\n(.* 0B\n?){3}$`, host.ok("ps", "-as"))
	for _, format := range []string{"{{.Nosuch}}", "{{", "{{nosuch}}"} {
		host.refused(1, "ps", "--format", format)
	}
	for _, filter := range []string{"nosuch=1", "name", "status=x", "exited=x", "since=nosuch"} {
		host.refused(1, "ps", "--filter", filter)
	}
}

func TestInspectSaysEverything(t *testing.T) {
	host := threeContainers(t)
	var found []struct {
		ID           string `json:"Id"`
		Name         string
		Path         string
		Args         []string
		RestartCount int
		LogPath      string
		State        struct {
			Status   string
			Running  bool
			Pid      int
			ExitCode int
		}
		Config     struct{ Cmd, Env []string }
		HostConfig struct{ RestartPolicy struct{ Name string } }
	}
	require.NoError(t, json.Unmarshal([]byte(host.ok("inspect", "second", "third")), &found))
	require.Len(t, found, 2)

	require.Equal(t, "exited", found[0].State.Status)
	require.Equal(t, 3, found[0].State.ExitCode)
	require.Equal(t, []string{"sh", "-c", "exit 3"}, append([]string{found[0].Path}, found[0].Args...))
	require.Equal(t, "no", found[0].HostConfig.RestartPolicy.Name)
	require.True(t, found[1].State.Running)
	require.Positive(t, found[1].State.Pid)
	require.FileExists(t, found[1].LogPath)
	require.Equal(t, "exited 3", host.ok("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "second"))
	require.Equal(t, `["PATH=`, host.ok("inspect", "-f", "{{json .Config.Env}}", "second")[:7])
	require.Equal(t, "true", host.ok("inspect", "-f", `{{ne .State.Pid 0}}`, "third"))

	missing := host.tinydocker("inspect", "nosuch")
	require.Equal(t, 1, missing.Code)
	require.Equal(t, "[]\n", missing.Stdout)
	requireOneLine(t, missing.Stderr)
	host.refused(1, "inspect", "--format", "{{.Nosuch}}", "second")
}

// Scripts cut them up.
func TestTimesInTemplatesAreWrittenAsInJSON(t *testing.T) {
	host := newHost(t)
	host.ok("run", "--name", "short", "base", "true")
	for _, asked := range [][2]string{
		{".Created", "short"}, {".State.StartedAt", "short"}, {".State.FinishedAt", "short"}, {".Created", "base"},
	} {
		text := host.ok("inspect", "--format", "{{"+asked[0]+"}}", asked[1])
		_, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err, asked[0])
		require.Equal(t, strconv.Quote(text), host.ok("inspect", "--format", "{{json "+asked[0]+"}}", asked[1]))
	}
	host.ok("create", "--name", "never", "base", "true")
	require.Equal(t, "0001-01-01T00:00:00Z", host.ok("inspect", "--format", "{{.State.StartedAt}}", "never"), "as Docker has it")
}

// inspect says what holds a container, as it is in force, and not as it was asked for.
func TestInspectShowsWhatIsInForce(t *testing.T) {
	host := newHost(t)
	for name, flags := range map[string][]string{
		"usual": {}, "user": {"--user", "1000"}, "more": {"--cap-drop=all", "--cap-add=chown", "--security-opt=seccomp=unconfined"}, "all": {"--privileged"},
	} {
		host.ok(append(append([]string{"create", "--name", name}, flags...), "base", "true")...)
	}
	inspect := func(field, name string) string { return host.ok("inspect", "-f", field, name) }

	require.Equal(t, "11 11", inspect("{{len .EffectiveCaps}} {{len .BoundingCaps}}", "usual"))
	require.Equal(t, "0 11", inspect("{{len .EffectiveCaps}} {{len .BoundingCaps}}", "user"))
	require.Equal(t, `["CAP_CHOWN"]`, inspect("{{json .EffectiveCaps}}", "more"))
	require.Equal(t, "[no-new-privileges]", inspect("{{.HostConfig.SecurityOpt}}", "usual"))
	require.Equal(t, "[no-new-privileges seccomp=unconfined]", inspect("{{.HostConfig.SecurityOpt}}", "more"))
	require.Equal(t, "[seccomp=unconfined]", inspect("{{.HostConfig.SecurityOpt}}", "all"))
	require.Contains(t, inspect("{{.HostConfig.MaskedPaths}}", "usual"), "/proc/kcore")
	require.Contains(t, inspect("{{.HostConfig.ReadonlyPaths}}", "usual"), "/proc/sys")
	require.Equal(t, "[] []", inspect("{{.HostConfig.MaskedPaths}} {{.HostConfig.ReadonlyPaths}}", "all"))
}
