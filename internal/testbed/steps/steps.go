// Package steps runs a program and kills it, or another process that it starts, after
// one of its steps: a system call that has changed something outside of the process.
// The kernel tells us of them (ptrace(2)), so the list of steps comes from what the
// program does, and whoever adds a step has it swept without knowing of this package.
package steps

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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
	testbed.Command
	// Beside are processes that run already, and are watched, too: their role is
	// what they were started as.
	Beside []int
	// ToTheEnd waits for the end of everything that is watched, and not only of the
	// program.
	ToTheEnd bool
	// Victim is the step after which the process that has done it is killed. The zero
	// value is nobody.
	Victim Step
}

// Outcome is what has come of it.
type Outcome struct {
	testbed.Result
	Steps  []Step // of all that was watched, in their order
	Killed bool
}

// Run runs the program. It must not be called while anybody else in this process waits
// for just any child.
func (r Trial) Run(t testing.TB) Outcome {
	t.Helper()
	outcome, err := Outcome{}, error(nil)
	var over sync.WaitGroup
	over.Go(func() {
		// All of it is about one thread (ptrace(2)). It ends with the goroutine, and
		// with it the watching: whoever is watched then runs on.
		runtime.LockOSThread()
		outcome, err = r.run()
	})
	over.Wait()
	if err != nil {
		t.Fatalf("watch the steps of %q: %v", r.Args, err)
	}
	return outcome
}

func (r Trial) run() (Outcome, error) {
	watch := &watch{trial: r, threads: make(map[int]*thread), groups: make(map[int]string), times: make(map[Step]int)}
	stdout, err := memory()
	if err != nil {
		return Outcome{}, err
	}
	defer stdout.Close()
	stderr, err := memory()
	if err != nil {
		return Outcome{}, err
	}
	defer stderr.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return Outcome{}, err
	}
	defer null.Close()
	for _, pid := range r.Beside {
		if err := watch.join(pid); err != nil {
			return Outcome{}, fmt.Errorf("watch process %d: %w", pid, err)
		}
	}
	watch.tool, err = syscall.ForkExec(r.Path, append([]string{r.Path}, r.Args...), &syscall.ProcAttr{
		Dir: r.Dir, Env: r.Env, Files: []uintptr{null.Fd(), stdout.Fd(), stderr.Fd()},
		Sys: &syscall.SysProcAttr{Ptrace: true, Setpgid: true},
	})
	if err != nil {
		return Outcome{}, err
	}
	late := time.AfterFunc(2*time.Minute, watch.giveUp)
	defer late.Stop()
	if err := watch.loop(); err != nil {
		return Outcome{}, err
	}
	outcome := Outcome{Steps: watch.steps, Killed: watch.killed}
	outcome.Code = watch.code
	if outcome.Stdout, err = whole(stdout); err == nil {
		outcome.Stderr, err = whole(stderr)
	}
	return outcome, err
}

// memory is a file that a program can print into without anybody who reads.
func memory() (*os.File, error) {
	descriptor, err := unix.MemfdCreate("output", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(descriptor), "output"), nil
}

func whole(file *os.File) (string, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
	return string(content), err
}
