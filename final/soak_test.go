package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

var (
	soakFor  = flag.Duration("soak", 3*time.Second, "for how long TestSoak has containers run and be killed")
	soakSeed = flag.Uint64("seed", 0, "of the decisions of TestSoak; 0 for one that nobody knows")
)

// roundLength is how long containers run beside one another until it is looked at what
// they have left.
const roundLength = 20 * time.Second

// Whatever is killed, and whenever: ps says what is, what is left can be removed, and
// then nothing is. Each round has a seed of its own, so one that fails can be had
// again: its decisions are the same, if not the kernel's.
func TestSoak(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.Overlay, testbed.BaseImage, testbed.NFTables)
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64N(1_000_000_000) + 1
	}
	testbed.Build(t, ".")
	fmt.Fprintf(os.Stderr, "soak: %v, seed %d\n", *soakFor, seed)
	total := new(tally)
	for end := time.Now().Add(*soakFor); time.Now().Before(end); seed++ {
		length := min(roundLength, time.Until(end))
		before, err := testbed.Take()
		require.NoError(t, err)
		found := total.faults()
		if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { soak(t, seed, length, total) }) && total.faults() == found {
			total.note("failed", "a round has failed")
		}
		leaks, err := before.Leaks()
		require.NoError(t, err)
		for _, leak := range leaks {
			total.note("leaks", "%s", leak)
		}
		fmt.Fprintf(os.Stderr, "soak: seed %d: so far %s\n", seed, total)
	}
	fmt.Fprintf(os.Stderr, "soak: in the end %s\n", total)
	require.Zero(t, total.faults(), "%s", strings.Join(total.notes, "\n"))
}

// tally counts what a soak has done and found.
type tally struct {
	mutex sync.Mutex
	count map[string]int
	notes []string
}

func (s *tally) add(what string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.count == nil {
		s.count = make(map[string]int)
	}
	s.count[what]++
}

// note is about something that should not be.
func (s *tally) note(kind, format string, args ...any) {
	s.add(kind)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	line := fmt.Sprintf("%s: %s", kind, fmt.Sprintf(format, args...))
	fmt.Fprintln(os.Stderr, "soak:", line)
	s.notes = append(s.notes, line)
}

func (s *tally) faults() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return len(s.notes)
}

func (s *tally) String() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return fmt.Sprintf("%d containers run, %d commands, %d faults injected (%d tools, %d monitors, %d first processes killed), %d leaks found, %d lies told by ps, %d other failures",
		s.count["containers"], s.count["commands"], s.count["tool"]+s.count["monitor"]+s.count["init"],
		s.count["tool"], s.count["monitor"], s.count["init"], s.count["leaks"], s.count["lies"], s.count["failed"])
}

// workers is how many containers live beside one another.
const workers = 4

// soak is a round: a machine of its own, on which containers live for a while. What was
// there after the first of everything has come and gone may be there at the end.
func soak(t *testing.T, seed uint64, length time.Duration, total *tally) {
	host := newHost(t)
	for _, args := range [][]string{
		{"run", "--name", "first", "-v", "vol:/data", "base", "true"}, {"network", "create", "net"}, {"run", "--rm", "--network", "net", "base", "true"},
		{"commit", "first", "img"}, {"rm", "first"}, {"rmi", "img"}, {"network", "rm", "net"}, {"volume", "rm", "vol"}, {"system", "prune", "-f"},
	} {
		host.ok(args...)
	}
	expected := host.files(t)
	end := time.Now().Add(length)
	var all sync.WaitGroup
	for number := range workers {
		worker := &soaker{
			host: host, tally: total, random: rand.New(rand.NewPCG(seed, uint64(number))),
			network: fmt.Sprintf("net%d", number), volume: fmt.Sprintf("vol%d", number), image: fmt.Sprintf("img%d:1", number), prefix: fmt.Sprintf("w%d-", number),
			took: make(map[string]time.Duration),
		}
		all.Go(func() {
			for time.Now().Before(end) && !t.Failed() {
				worker.life()
			}
			worker.cleanUp()
		})
	}
	all.Wait()
	for _, args := range [][]string{{"system", "prune", "-f"}, {"image", "prune", "-f"}} {
		host.ok(args...)
	}
	left, complaint := host.list()
	require.Empty(t, complaint)
	require.Empty(t, left)
	if found := host.checked(); found.Code != 0 || found.Stdout != "" {
		total.note("leaks", "system check finds %s%s", found.Stdout, found.Stderr)
	}
	for _, path := range host.files(t) {
		if !slices.Contains(expected, path) {
			total.note("leaks", "%s", path)
		}
	}
}
