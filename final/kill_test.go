package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
	"mytinydocker/internal/testbed/steps"
)

var sweepAll = flag.Bool("sweep", false, "kill after every step, and not only after some of those that differ")

// sweep is a command that is killed.
type sweep struct {
	// prepare is what is done before, and args what is killed.
	prepare [][]string
	args    []string
	// done is what the command says when what it is to do was done already, or "".
	done string
	// beside has the monitor of the container be killed, too.
	beside bool
}

// The image is small, and its registry is where {registry} is; {archive} is a file
// with it, {folder} one for files. The container is xx.
var (
	running  = []string{"run", "-d", "--init", "--name", "xx", "-p", "127.0.0.1::80", "-v", "/anonymous", "base", "sleep", "1000"}
	created  = []string{"create", "--name", "xx", "base", "true"}
	ended    = []string{"run", "--name", "xx", "-v", "vol:/data", "base", "touch", "/new"}
	netMade  = []string{"network", "create", "net"}
	inUse    = "in use by the container"
	missing  = "no such (container|network|volume|image)"
	imported = []string{"import", "{small}", "img:1"}
)

var sweeps = map[string]sweep{
	"run":                {args: []string{"run", "--rm", "--name", "xx", "-v", "/anonymous", "-m", "64m", "base", "true"}},
	"run kept":           {args: ended, done: inUse},
	"run in background":  {args: []string{"run", "-d", "--name", "xx", "-p", "127.0.0.1::80", "base", "true"}, done: inUse},
	"run, and then gone": {args: []string{"run", "-d", "--rm", "--name", "xx", "-v", "/anonymous", "base", "true"}, done: inUse},
	"create":             {args: []string{"create", "--name", "xx", "-v", "/anonymous", "base", "true"}, done: inUse},
	"exec":               {prepare: [][]string{running}, args: []string{"exec", "xx", "true"}, beside: true},
	"exec in background": {prepare: [][]string{running}, args: []string{"exec", "-d", "xx", "true"}},
	"start":              {prepare: [][]string{created}, args: []string{"start", "xx"}},
	"stop":               {prepare: [][]string{running}, args: []string{"stop", "xx"}, beside: true},
	"restart":            {prepare: [][]string{running}, args: []string{"restart", "xx"}, beside: true},
	"rm":                 {prepare: [][]string{ended}, args: []string{"rm", "-v", "xx"}, done: missing},
	"rm by force":        {prepare: [][]string{running}, args: []string{"rm", "-f", "-v", "xx"}, done: missing, beside: true},
	"rename":             {prepare: [][]string{netMade, {"run", "-d", "--name", "xx", "--network", "net", "base", "sleep", "1000"}}, args: []string{"rename", "xx", "yy"}, done: missing},
	"pause":              {prepare: [][]string{running}, args: []string{"pause", "xx"}, done: "is paused"},
	"update":             {prepare: [][]string{running}, args: []string{"update", "-m", "64m", "xx"}},
	"commit":             {prepare: [][]string{ended}, args: []string{"commit", "xx", "img:1"}},
	"import":             {args: imported},
	"load":               {args: []string{"load", "-i", "{archive}"}},
	"save":               {prepare: [][]string{imported}, args: []string{"save", "-o", "{folder}/saved.tar", "img:1"}},
	"pull":               {args: []string{"pull", "{registry}/img:1"}},
	"push":               {prepare: [][]string{{"import", "{small}", "{registry}/pushed:1"}}, args: []string{"push", "{registry}/pushed:1"}},
	"rmi":                {prepare: [][]string{imported}, args: []string{"rmi", "img:1"}, done: missing},
	"tag":                {prepare: [][]string{imported}, args: []string{"tag", "img:1", "img:2"}},
	"cp in":              {prepare: [][]string{created}, args: []string{"cp", "{archive}", "xx:/etc/new"}},
	"network create":     {args: netMade, done: "is taken"},
	"network rm":         {prepare: [][]string{netMade}, args: []string{"network", "rm", "net"}, done: missing},
	"network connect":    {prepare: [][]string{netMade, running}, args: []string{"network", "connect", "net", "xx"}, done: "is in the network net already"},
	"network disconnect": {prepare: [][]string{netMade, running, {"network", "connect", "net", "xx"}}, args: []string{"network", "disconnect", "net", "xx"}, done: "is not in the network"},
	"volume create":      {args: []string{"volume", "create", "vol"}},
	"volume rm":          {prepare: [][]string{{"run", "--rm", "-v", "vol:/data", "base", "touch", "/data/one", "/data/two"}}, args: []string{"volume", "rm", "vol"}, done: missing},
	"system prune":       {prepare: [][]string{ended, netMade, imported}, args: []string{"system", "prune", "-f"}},
}

// Each command is killed after each of its steps, and so are the monitor and the first
// process that it starts. Then ps says what is, the same command can be given again,
// and what there is can be removed without a trace.
func TestKilledAfterAnyStep(t *testing.T) { sweepCommands(t, 0, len(sweeps)) }

// The same, but each step of the commands and of the monitor fails, as on a disk that is
// broken.
func TestAnyStepMayFail(t *testing.T) { sweepCommands(t, syscall.EIO, len(sweeps)/3) }

// sweepCommands sweeps all commands, or so many where the time is short.
func sweepCommands(t *testing.T, refused syscall.Errno, usual int) {
	testbed.Require(t, testbed.Root, testbed.Overlay, testbed.BaseImage, testbed.NFTables)
	testbed.Build(t, ".")
	stride := len(sweeps) / testbed.Few(usual)
	for index, name := range slices.Sorted(maps.Keys(sweeps)) {
		if !*sweepAll && index%stride != 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newSweeper(t, sweeps[name], refused).sweep()
		})
	}
}

// sweeper kills one command, or has it fail, again and again on a machine of its own.
type sweeper struct {
	*host
	what     sweep
	words    *strings.Replacer
	tmp      string   // for temporary files of the command, of which none must be left
	expected []string // files that may be there at the end
	// refused is what a step fails with, if nobody is killed there.
	refused syscall.Errno
}

var firstNetwork sync.Mutex

func newSweeper(t *testing.T, what sweep, refused syscall.Errno) *sweeper {
	t.Helper()
	s := &sweeper{host: newHost(t), what: what, refused: refused}
	firstNetwork.Lock() // all machines of these tests are one to the kernel, and want the same name
	s.ok("run", "--rm", "base", "true")
	firstNetwork.Unlock()
	folder, registry := t.TempDir(), newRegistry(t)
	s.tmp = testbed.StateRoot(t)
	archive, small := filepath.Join(folder, "img.tar"), filepath.Join(folder, "small.tar")
	s.words = strings.NewReplacer("{archive}", archive, "{small}", small, "{registry}", registry, "{folder}", folder)
	require.NoError(t, os.Mkdir(filepath.Join(folder, "root"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "root", "file"), []byte("content"), 0o644))
	require.Zero(t, testbed.Run(t, "tar", "-C", filepath.Join(folder, "root"), "-cf", small, ".").Code)
	s.do(imported, []string{"save", "-o", "{archive}", "img:1"}, []string{"tag", "img:1", "{registry}/img:1"}, []string{"push", "{registry}/img:1"})
	s.prepare()
	s.do(what.args)
	s.removeAll()
	s.expected = s.files(t)
	return s
}

func (s *sweeper) do(commands ...[]string) {
	s.t.Helper()
	for _, args := range commands {
		result := s.tinydocker(s.args(args)...)
		require.Zero(s.t, result.Code, "%q: %s", args, result.Stderr)
	}
}

func (s *sweeper) args(args []string) (replaced []string) {
	for _, word := range args {
		replaced = append(replaced, s.words.Replace(word))
	}
	return replaced
}

func (s *sweeper) prepare() {
	s.t.Helper()
	s.do(s.what.prepare...)
}

// trial gives the command, and kills at a step, or refuses it, or not.
func (s *sweeper) trial(at steps.Step) steps.Outcome {
	s.t.Helper()
	command := s.command(s.args(s.what.args)...)
	trial := steps.Trial{Path: command.Path, Args: command.Args, Env: append(command.Env, "TMPDIR="+s.tmp)}
	if s.refused != 0 {
		trial.Calls, trial.Refused, trial.Error = []string{steps.Tool, "monitor"}, at, s.refused
	} else {
		trial.Victim = at
	}
	trial.ToTheEnd = at == steps.Step{} && !slices.Contains(s.what.args, "restart")
	if s.what.beside {
		trial.Beside = append(trial.Beside, s.watcherOf(s.idOf("xx")))
		trial.ToTheEnd = trial.ToTheEnd && s.what.args[0] != "exec"
	}
	return trial.Run(s.t)
}

// sweep strikes at the steps. If it meets none of those that it takes, the command had
// something to mend by the way, of another machine's network, and has not again.
func (s *sweeper) sweep() {
	struck := make(map[string]int)
	for range 3 {
		points := s.points()
		for _, at := range points {
			s.t.Run(at.String(), func(t *testing.T) {
				part := *s.host
				part.t = t
				point := *s
				point.host = &part
				if point.strike(at) {
					struck[at.Role]++
				}
			})
		}
		s.t.Logf("%d steps were swept; killed or refused, by roles: %v", len(points), struck)
		if len(struck) > 0 {
			return
		}
	}
	s.t.Fatal("none of its steps was met")
}

// points are the steps of the command that are to be swept.
func (s *sweeper) points() []steps.Step {
	s.t.Helper()
	s.prepare()
	whole := s.trial(steps.Step{})
	require.Zero(s.t, whole.Code, whole.Stderr)
	s.removeAll()
	points := whole.Steps
	if s.refused != 0 {
		points = slices.DeleteFunc(whole.Calls, func(call steps.Step) bool {
			return !slices.ContainsFunc(whole.Steps, func(step steps.Step) bool { return step.Role == call.Role && step.Name == call.Name })
		})
	}
	if !*sweepAll {
		points = some(different(points), s.usual())
	}
	return points
}

// strike kills at a step, or refuses it, and reports whether that was there. Then all is as
// it should be.
func (s *sweeper) strike(at steps.Step) bool {
	s.t.Helper()
	s.t.Cleanup(func() {
		if s.t.Failed() { // the next point begins anew
			for _, args := range [][]string{{"rm", "-f", "-v", "xx", "yy"}, {"system", "prune", "-f"}, {"volume", "prune", "-af"}, {"image", "prune", "-af"}} {
				s.tinydocker(args...)
			}
		}
	})
	s.prepare()
	outcome := s.trial(at)
	s.requireTruth()
	retried := s.tinydocker(s.args(s.what.args)...)
	if retried.Code != 0 && strings.Contains(retried.Stderr, "does not run") && at.Role == "monitor" {
		s.do([]string{"start", "xx"})
		retried = s.tinydocker(s.args(s.what.args)...)
	}
	if retried.Code != 0 {
		require.NotEmpty(s.t, s.what.done, "%s", retried.Stderr)
		require.Regexp(s.t, s.what.done, retried.Stderr)
	}
	s.removeAll()
	if outcome.Refused && outcome.Code != 0 {
		requireOneLine(s.t, outcome.Stderr)
	}
	return outcome.Killed || outcome.Refused
}

// usual is how many steps of each role are swept where the time is short.
func (s *sweeper) usual() int {
	if s.refused != 0 {
		return 1
	}
	return 2
}

// requireTruth compares what ps says with what lives.
func (s *sweeper) requireTruth() (containers []listed) {
	s.t.Helper()
	before := make(map[string]life)
	folders, err := filepath.Glob(s.root + "/containers/*")
	require.NoError(s.t, err)
	for _, folder := range folders {
		before[filepath.Base(folder)] = s.lifeIn(filepath.Base(folder))
	}
	all, complaint := s.list()
	require.Empty(s.t, complaint)
	for _, container := range all {
		require.Empty(s.t, container.lieOf(before[container.id], s.lifeIn(container.id)))
	}
	return all
}

// removeAll removes all that there is, and requires that nothing is left.
func (s *sweeper) removeAll() {
	s.t.Helper()
	containers, err := filepath.Glob(s.root + "/containers/*")
	require.NoError(s.t, err)
	remove := []string{"rm", "-f", "-v"}
	for _, container := range s.requireTruth() {
		remove = append(remove, container.id)
	}
	if len(remove) > 3 {
		removed := s.tinydocker(remove...) // what is to be removed at its end may just be
		require.True(s.t, removed.Code == 0 || strings.Contains(removed.Stderr, "no such container"), removed.Stderr)
	}
	s.ok("system", "prune", "-f")
	for kind, pattern := range map[string]string{"volume": s.root + "/volumes/[a-z0-9]*", "image": s.root + "/images/blobs/*/*"} {
		found, err := filepath.Glob(pattern)
		require.NoError(s.t, err)
		if len(found) > 0 {
			s.ok(kind, "prune", "-a", "-f")
		}
	}
	for _, folder := range containers {
		id := filepath.Base(folder)
		require.Empty(s.t, livingIn(id), "processes of a container that was removed")
		cgroups, err := filepath.Glob("/sys/fs/cgroup/*/tinydocker/" + id)
		require.NoError(s.t, err)
		require.Empty(s.t, cgroups)
	}
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(filepath.Dir(s.root)))
	require.NoError(s.t, err)
	require.Empty(s.t, mounts)
	if s.expected == nil {
		return
	}
	temporary, err := os.ReadDir(s.tmp)
	require.NoError(s.t, err)
	require.Empty(s.t, temporary)
	for _, path := range s.files(s.t) {
		if filepath.Base(path) == "forwarding" {
			continue // sweeps are side by side, and one of them has the host forward
		}
		require.Contains(s.t, s.expected, path, "it is left")
	}
}

// some returns so many steps of each role, evenly, and always the same: whether a change
// is good must not depend on the day. `mage sweep` takes no choice.
func some(points []steps.Step, usual int) (chosen []steps.Step) {
	count, seen := make(map[string]int), make(map[string]int)
	for _, step := range points {
		count[step.Role]++
	}
	for _, step := range points {
		stride := (count[step.Role] + usual - 1) / usual
		if seen[step.Role]%stride == stride/2 {
			chosen = append(chosen, step)
		}
		seen[step.Role]++
	}
	return chosen
}

var (
	controller = regexp.MustCompile(`/sys/fs/cgroup/[a-z]+/`)
	locking    = regexp.MustCompile(`^(flock|lock|open .*lock|truncate .*lock|write .*lock)\b`)
)

// different returns the first and the last of those steps that are about the same, and
// none that is only about a lock, which the kernel gives back.
func different(all []steps.Step) (chosen []steps.Step) {
	first, last := make(map[string]int), make(map[string]int)
	key := func(step steps.Step) string {
		name := controller.ReplaceAllString(step.Name, "/sys/fs/cgroup/*/")
		if step.Role == "init" || strings.HasPrefix(name, "unlink") && !strings.HasPrefix(name, "unlink /") { // its mounts and devices are nobody else's
			name, _, _ = strings.Cut(name, " ")
		}
		return fmt.Sprint(step.Role, " ", name)
	}
	for index, step := range all {
		if _, found := first[key(step)]; !found {
			first[key(step)] = index
		}
		last[key(step)] = index
	}
	for index, step := range all {
		if (first[key(step)] == index || last[key(step)] == index) && !locking.MatchString(step.Name) {
			chosen = append(chosen, step)
		}
	}
	return chosen
}
