package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
	"mytinydocker/internal/testbed/steps"
)

// strict are commands whose first processes have as much to do as there is.
var strict = map[string][]string{
	"run":              append([]string{"run", "--user", "7:8", "--group-add", "9", "--cap-add", "NET_ADMIN"}, fitted...),
	"run with init":    append([]string{"run", "--init"}, fitted...),
	"run on terminal":  append([]string{"run", "-t", "--explain"}, fitted...),
	"run as others":    append([]string{"run", "--userns", "auto"}, fitted...),
	"exec":             {"exec", "--user", "7:8", "-w", "/new", "-e", "A=b", "xx"},
	"exec on terminal": {"exec", "-t", "xx"},
	"exec as another":  {"exec", "yy"},
}

var fitted = []string{
	"--rm", "--network", "none", "--hostname", "strict", "-w", "/new/folder", "--ulimit", "nofile=99:100", "--sysctl", "net.ipv4.ip_forward=1",
	"-v", "vol:/data:ro", "--tmpfs", "/scratch", "--device", "/dev/null:/dev/new/null", "base",
}

// changing is what differs from one container to the next.
var changing = regexp.MustCompile(`[0-9a-f]{32,}|\[[0-9]+\]|[A-Z][a-z]{2} +[0-9]+ +[0-9:]+|/fd/[0-9]+|[ug]id=[0-9]+|"P(p)?id": [0-9]+`)

// prepared is what the command does for a process that cannot do so itself.
var prepared = regexp.MustCompile(`^(open_tree|move_mount|mount_setattr|fsopen|fsconfig|fsmount|mknod|setns)\b`)

// Whatever the kernel refuses to a process that is to become a program, or to the command
// that prepares it, either the program does not run, or it finds all that is promised: no
// error is passed over.
func TestAnyCallMayBeRefused(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.Overlay, testbed.BaseImage)
	testbed.Build(t, ".")
	for _, name := range slices.Sorted(maps.Keys(strict)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &refuser{host: newHost(t), args: append(slices.Clone(strict[name]), "sh", "-c", "probe; ls -lR /dev")}
			if r.args[0] == "exec" {
				t.Cleanup(func() { r.tinydocker("rm", "-f", "xx", "yy") })
				r.ok(append(append([]string{"run", "-d", "--name", "xx"}, fitted...), "sleep", "1000")...)
				r.ok("run", "-d", "--name", "yy", "--rm", "--network", "none", "--userns", "auto", "base", "sleep", "1000")
			}
			r.refuseAll()
			r.tinydocker("rm", "-f", "xx", "yy")
			r.requireNothingLeft()
		})
	}
}

// refuser has calls of one command refused.
type refuser struct {
	*host
	args []string
}

func (r *refuser) trial(refused steps.Step) steps.Outcome {
	r.t.Helper()
	command := r.command(r.args...)
	outcome := steps.Trial{
		Path: command.Path, Args: command.Args, Env: command.Env, ToTheEnd: true,
		Calls: []string{steps.Tool, "init", "reaper", "reaper's child", "enter", "enter's child"}, Refused: refused, Error: syscall.EPERM,
	}.Run(r.t)
	outcome.Stdout = changing.ReplaceAllString(outcome.Stdout, "#")
	return outcome
}

func (r *refuser) refuseAll() {
	r.t.Helper()
	whole := r.trial(steps.Step{})
	require.Zero(r.t, whole.Code, whole.Stderr)
	points, ended := slices.DeleteFunc(whole.Calls, func(call steps.Step) bool { return call.Role == steps.Tool && !prepared.MatchString(call.Name) }), 0
	if !*sweepAll {
		points = some(points, 3)
	}
	for _, call := range points {
		outcome := r.trial(call)
		if outcome.Code != 0 {
			ended++
		}
		if complaint := complaintOf(outcome, whole); complaint != "" {
			r.t.Errorf("%v: %s", call, complaint)
		}
	}
	r.t.Logf("%d calls were refused, and %d of them ended the command", len(points), ended)
	if *sweepAll { // of a few calls, all may be Go's own
		require.NotZero(r.t, ended)
	}
}

// complaintOf says what is wrong with a command of which a call was refused, beside one
// of which none was. A call that is not there every time, such as another turn of a loop,
// is never wrong.
func complaintOf(outcome, whole steps.Outcome) string {
	switch {
	case outcome.Code == 0 && outcome.Stdout != whole.Stdout:
		missing, found := strings.Split(whole.Stdout, "\n"), strings.Split(outcome.Stdout, "\n")
		return fmt.Sprintf("is passed over: instead of %q there is %q", without(slices.Clone(missing), found), without(slices.Clone(found), missing))
	case outcome.Code == 0:
		return ""
	case outcome.Code < 125 || outcome.Code > 127:
		return fmt.Sprint("exit status ", outcome.Code)
	case outcome.Stdout != "":
		return "the program ran: " + outcome.Stdout
	}
	lines := slices.DeleteFunc(strings.Split(strings.TrimSuffix(outcome.Stderr, "\n"), "\n"), func(line string) bool {
		return !strings.HasPrefix(line, "tinydocker: ")
	})
	if len(lines) != 1 {
		return fmt.Sprintf("it says %q", outcome.Stderr)
	}
	return ""
}
