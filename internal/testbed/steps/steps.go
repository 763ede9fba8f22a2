// Package steps runs a program and kills it, or another process that it starts, after
// one of its steps: a system call that has changed something outside of the process; or
// has one of its system calls refused.
// The kernel tells of them (ptrace(2)), so the list of steps comes from what the
// program does, and whoever adds a step has it swept without knowing of this package.
package steps

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"mytinydocker/internal/testbed"
)

// Tool is the role of the program that was started. A process that it starts by its own
// name with one word, as in "tinydocker monitor", has that word for a role.
const Tool = "tool"

// Step is what a process has done.
type Step struct {
	Role string
	// Name is the system call and what it was about, without what is random, so that
	// it is the same in another run.
	Name string
	// Time counts the steps of that role with that name, from 1.
	Time int
}

func (s Step) String() string { return fmt.Sprintf("%s: %s (%d)", s.Role, s.Name, s.Time) }

// Trial is a run of a program.
type Trial struct {
	Path string
	Args []string // without the program's name
	Env  []string
	Dir  string
	// Beside are processes that run already, and are watched, too: their role is
	// what they were started as.
	Beside []int
	// ToTheEnd waits for the end of everything that is watched, and not only of the
	// program.
	ToTheEnd bool
	// Victim is the step after which the process that has done it is killed. The zero
	// value is nobody.
	Victim Step
	// Calls are the roles of which all system calls are told, and not only the steps: but
	// those for memory, threads and signals, and those that cannot fail.
	Calls []string
	// Refused is one of these calls: it is not done, and fails with Error. The zero value is
	// none.
	Refused Step
	Error   syscall.Errno
}

// Outcome is what has come of it.
type Outcome struct {
	testbed.Result
	Steps  []Step // of all that was watched, in their order
	Killed bool
	// Calls are in their order, whether they have succeeded or not.
	Calls   []Step
	Refused bool
}

// Run runs the program.
func (r Trial) Run(t testing.TB) (outcome Outcome) {
	t.Helper()
	order, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	result := testbed.Command{
		Path: testbed.Build(t, "mytinydocker/internal/testbed/steps/killer"), Stdin: strings.NewReader(string(order)), Deadline: 3 * time.Minute,
	}.Run(t)
	if err := json.Unmarshal([]byte(result.Stdout), &outcome); err != nil {
		t.Fatalf("watch the steps of %q, with %v killed and %v refused: %s", r.Args, r.Victim, r.Refused, result.Stderr)
	}
	return outcome
}
