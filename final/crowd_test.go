package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

var crowdFor = flag.Duration("crowd", 5*time.Second, "for how long the crowd of TestCrowd is at it")

func TestOneOfTwentyWinsANameWhileAllLook(t *testing.T) {
	host := newHost(t)
	host.base("true")
	var racing []*testbed.Process
	for index := range 20 {
		args := [][]string{{"run", "-d"}, {"create"}, {"run"}}[index%3]
		racing = append(racing, host.command(append(args, "--name", "wanted", "base", "sh", "-c", "exit 0")...).Start(t))
		_, complaint := host.list()
		require.Empty(t, complaint)
	}
	codes := make(map[int]int)
	for _, process := range racing {
		result := process.Wait()
		codes[min(result.Code, 1)]++
		if result.Code != 0 {
			require.Contains(t, result.Stderr, "in use")
		}
	}

	require.Equal(t, map[int]int{0: 1, 1: 19}, codes)
	all, complaint := host.list()
	require.Empty(t, complaint)
	require.Len(t, all, 1)
	host.ok("rm", "-f", "wanted")
	host.requireNothingLeft()
}

// refusals are what a command may say of a container about which others do something,
// too.
var refusals = regexp.MustCompile(`^tinydocker: [a-z]+: .*(no such container|does not run|in use|has just ended|is being removed|runs: stop it first|` +
	`has died, and the container with it|was killed|another command is at work|ended before its program ran|is just being started)`)

// A crowd does everything to a few containers at once, by a program that looks for data
// races. Who is refused is told why; and ps never fails.
func TestCrowd(t *testing.T) {
	testbed.Require(t, testbed.GoTool)
	host := newHost(t)
	program, reports := testbed.Build(t, ".", "-race"), t.TempDir()
	do := func(args ...string) testbed.Result {
		command := host.command(args...)
		command.Path, command.Deadline = program, 5*time.Minute
		command.Env = append(command.Env, "GORACE=log_path="+filepath.Join(reports, "race"))
		return command.Run(t)
	}
	require.Zero(t, do("run", "--rm", "base", "true").Code)
	end, count := time.Now().Add(*crowdFor), make([]int, 64)
	var all sync.WaitGroup
	for number := range count {
		random := rand.New(rand.NewPCG(1, uint64(number)))
		all.Go(func() {
			for time.Now().Before(end) && !t.Failed() {
				args := pick(random)
				result := do(args...)
				if result.Code != 0 && (args[0] == "ps" || !refusals.MatchString(result.Stderr)) && result.Code != 137 {
					t.Errorf("%q ends with %d: %s", args, result.Code, result.Stderr)
				}
				count[number]++
			}
		})
	}
	all.Wait()
	for index := range names {
		do("rm", "-f", fmt.Sprint("crowd", index))
	}
	host.requireNothingLeft()
	races, err := filepath.Glob(filepath.Join(reports, "race*"))
	require.NoError(t, err)
	require.Empty(t, races)
	total := 0
	for _, commands := range count {
		total += commands
	}
	t.Logf("%d commands in %v", total, *crowdFor)
}

const names = 8

// pick returns what somebody in the crowd does next.
func pick(random *rand.Rand) []string {
	name := fmt.Sprint("crowd", random.IntN(names))
	deeds := [][]string{
		strings.Fields("run -d --name " + name + " base sleep 1000"), strings.Fields("run -d --rm --name " + name + " base sleep 1000"),
		strings.Fields("run --rm --name " + name + " base true"), {"exec", name, "true"}, {"exec", name, "true"}, {"stop", "-t", "0", name}, {"start", name},
		{"rm", "-f", name}, {"rm", name}, {"restart", "-t", "0", name}, {"ps", "-a"}, {"ps", "-a"}, {"kill", name}, {"logs", name},
	}
	return deeds[random.IntN(len(deeds))]
}
