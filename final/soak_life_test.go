package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"mytinydocker/internal/testbed"
)

// soaker lives one container after the other.
type soaker struct {
	*host
	tally  *tally
	random *rand.Rand

	prefix, network, volume, image string                   // which are its own
	took                           map[string]time.Duration // by commands, the last time

	count   int
	name    string
	calm    bool     // nothing is killed in this life: everything is to succeed
	running bool     // if calm, whether the container does
	id      string   // if known
	done    []string // to this container, with what was killed meanwhile
}

// life is that of one container: it is made, things are done to it, and it is removed.
func (s *soaker) life() {
	s.count++
	s.done = nil
	s.name, s.id, s.running, s.calm = fmt.Sprintf("%s%d", s.prefix, s.count), "", false, s.random.IntN(3) == 0
	s.tally.add("containers")
	s.beBorn()
	for range s.random.IntN(6) {
		s.step()
		s.compare()
	}
	s.die()
}

// beBorn makes the container, which may be over at once.
func (s *soaker) beBorn() {
	flags := []string{"--name", s.name}
	for _, more := range [][]string{
		{"--rm"}, {"--init"}, {"--network", "none"}, {"-m", "64m"}, {"-v", s.volume + ":/data"}, {"--restart", "on-failure:2"},
		{"-p", "127.0.0.1::80"}, {"--read-only"}, {"--tmpfs", "/scratch"}, {"-v", "/anonymous"},
	} {
		conflicts := more[0] == "--restart" && slices.Contains(flags, "--rm") || more[0] == "-p" && slices.Contains(flags, "none")
		if s.random.IntN(5) == 0 && !conflicts {
			flags = append(flags, more...)
		}
	}
	if s.random.IntN(4) == 0 && !slices.Contains(flags, "none") {
		s.do(0, "network", "create", s.network)
		flags = append(flags, "--network", s.network)
	}
	again := slices.Contains(flags, "--restart")
	switch s.random.IntN(4) {
	case 0:
		code := s.random.IntN(3)
		if again && code != 0 {
			code = 0
		}
		s.do(code, append(append([]string{"run"}, flags...), "base", "sh", "-c", fmt.Sprint("echo ready; exit ", code))...)
		if slices.Contains(flags, "--rm") {
			s.name += "-gone"
		}
		s.calm = false // it is over soon, too, whenever it is started
	case 1:
		s.do(0, append(append([]string{"create"}, flags...), "base", "sh", "-c", patient)...)
		s.do(0, "start", s.name)
		s.running = true
	default:
		s.do(0, append(append([]string{"run", "-d"}, flags...), "base", "sh", "-c", patient)...)
		s.running = true
	}
	// What comes again, or goes, by itself is in no state that one could name.
	s.calm = s.calm && !again && !slices.Contains(flags, "--rm")
	s.compare()
}

// step does one thing to the container.
func (s *soaker) step() {
	type deed struct {
		code    int
		running bool // what it needs
		after   bool // whether it runs afterwards
		args    []string
	}
	deeds := []deed{
		{5, true, true, []string{"exec", s.name, "sh", "-c", "exit 5"}},
		{0, true, true, []string{"exec", "-d", s.name, "sleep", "1000"}},
		{0, true, false, []string{"stop", s.name}},
		{0, true, false, []string{"stop", "-t", "0", s.name}},
		{0, true, true, []string{"restart", "-t", "0", s.name}},
		{0, true, true, []string{"pause", s.name}},
		{0, true, true, []string{"top", s.name}},
		{0, true, true, []string{"update", "-m", "32m", s.name}},
		{0, false, true, []string{"start", s.name}},
		{0, false, false, []string{"inspect", s.name}},
		{0, false, false, []string{"logs", s.name}},
		{0, false, false, []string{"cp", s.name + ":/etc/passwd", filepath.Join(s.t.TempDir(), "passwd")}},
		{0, s.running, s.running, []string{"commit", s.name, s.image}},
		{0, s.running, s.running, []string{"rename", s.name, s.name + "r"}},
		{0, s.running, s.running, []string{"diff", s.name}},
	}
	chosen := deeds[s.random.IntN(len(deeds))]
	if s.calm && chosen.running != s.running {
		return
	}
	s.do(chosen.code, chosen.args...)
	s.running = chosen.after
	switch chosen.args[0] {
	case "pause":
		s.do(0, "unpause", s.name)
	case "rename":
		s.do(0, "rename", s.name+"r", s.name)
	}
}

// truthful is what a command may say of a container to which something has happened.
var truthful = regexp.MustCompile(`no such (container|network|volume|image)|is taken|does not run|is paused|is not paused|has just ended|in use by|it runs|runs: stop it first|` +
	`has died, and the container with it|another command is at work|ended before its program ran|the process has ended|is being removed|exists already|already exists|has the name|was killed, and is still being watched|is between two starts|is just being started`)

// do runs a command, while something may be killed, and then once more.
func (s *soaker) do(code int, args ...string) {
	if s.calm {
		if result := s.tinydocker(args...); result.Code != code && (args[0] != "network" || !truthful.MatchString(result.Stderr)) {
			s.tally.note("failed", "%q ends with %d: %s", args, result.Code, strings.TrimSpace(result.Stderr))
		}
		s.tally.add("commands")
		return
	}
	victim := []string{"tool", "tool", "monitor", "monitor", "init", ""}[s.random.IntN(6)]
	// At any time of what it takes on this machine, as long as that is known.
	pause := time.Duration(s.random.Float64() * 1.2 * float64(max(s.took[args[0]], 20*time.Millisecond)))
	s.check(args, s.during(victim, pause, args))
	if victim == "tool" {
		begun := time.Now()
		s.check(args, s.during("", 0, args))
		s.took[args[0]] = time.Since(begun)
	}
}

// during runs a command and kills something after a while.
func (s *soaker) during(victim string, pause time.Duration, args []string) testbed.Result {
	s.tally.add("commands")
	begun := time.Now()
	process := s.command(args...).Start(s.t)
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-over:
			if victim == "tool" {
				return
			}
		case <-time.After(pause):
		}
		id := s.idOf(s.name)
		killed := false
		switch victim {
		case "tool":
			process.Signal(syscall.SIGKILL)
			killed = true
		case "monitor":
			killed = killIf(s.watcherOf(id), "tinydocker\x00monitor\x00")
		case "init":
			killed = id != "" && killIf(firstIn(livingIn(id)), "")
		}
		if killed {
			s.tally.add(victim)
		}
	}()
	result := process.Wait()
	close(over)
	<-done
	s.done = append(s.done, fmt.Sprintf("%s to %s, %d: %q, killed %q after %s", begun.Format("05.000"), time.Now().Format("05.000"), result.Code, args, victim, pause))
	return result
}

// check looks at what a command says, whose container may be in any state.
func (s *soaker) check(args []string, result testbed.Result) {
	broken := strings.Contains(result.Stderr, "panic") || strings.Contains(result.Stderr, "fatal error") || strings.Contains(result.Stderr, "DATA RACE")
	if broken || result.Stderr != "" && args[0] != "logs" && !truthful.MatchString(result.Stderr) {
		s.tally.note("failed", "%q ends with %d: %s", args, result.Code, strings.TrimSpace(result.Stderr))
	}
}

// compare compares what ps says with what is.
func (s *soaker) compare() {
	id := s.idOf(s.name)
	var before life
	if id != "" {
		before = s.lifeIn(id)
	}
	all, complaint := s.list()
	if complaint != "" {
		s.tally.note("lies", "%s", complaint)
	}
	found := slices.IndexFunc(all, func(l listed) bool { return id != "" && l.id == id })
	if found < 0 {
		if s.calm && s.running {
			s.tally.note("lies", "ps does not list %s, which runs", s.name)
		}
		return
	}
	if lie := all[found].lieOf(before, s.lifeIn(id)); lie != "" {
		s.tally.note("lies", "%s; done: %s; state: %s; now %s", lie, strings.Join(s.done, "; "), before.recorded, time.Now().Format("05.000"))
	}
	if s.calm && all[found].up() != s.running {
		s.tally.note("lies", "ps says %q of %s, and running is %v", all[found].status, s.name, s.running)
	}
}

// die removes the container and looks at what is left of it.
func (s *soaker) die() {
	for _, name := range []string{s.name, s.name + "r"} {
		id := s.idOf(name)
		s.do(0, "rm", "-f", "-v", name)
		s.calm = false
		for range 2 {
			s.check([]string{"rm"}, s.during("", 0, []string{"rm", "-f", "-v", name}))
		}
		if id == "" {
			continue
		}
		if left := livingIn(id); len(left) > 0 {
			s.tally.note("leaks", "%d processes of %s, which was removed", len(left), name)
		}
		if again := s.idOf(name); again != "" {
			s.tally.note("leaks", "the name %s, whose container was removed", name)
		}
	}
	if s.random.IntN(3) == 0 {
		s.cleanUp()
	}
}

// cleanUp removes what is not a container's.
func (s *soaker) cleanUp() {
	s.calm = false
	for _, args := range [][]string{{"network", "rm", s.network}, {"volume", "rm", s.volume}, {"rmi", s.image}} {
		s.do(0, args...)
		result := s.tinydocker(args...)
		if result.Code != 0 && !regexp.MustCompile("no such (network|volume|image)").MatchString(result.Stderr) {
			s.tally.note("failed", "%q ends with %d: %s", args, result.Code, strings.TrimSpace(result.Stderr))
		}
	}
}
