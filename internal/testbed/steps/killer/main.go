// Command killer runs a program and kills a process at a step, for package steps. It is a
// program of its own since it waits for whatever happens to any of its children: tests
// have others.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed/steps"
)

func main() {
	// All of it is about one thread (ptrace(2)). Whoever is still watched when we end,
	// runs on.
	runtime.LockOSThread()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "killer:", err)
		os.Exit(1)
	}
}

func run() error {
	var trial steps.Trial
	if err := json.NewDecoder(os.Stdin).Decode(&trial); err != nil {
		return fmt.Errorf("understand what to do: %w", err)
	}
	outcome, err := try(trial)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(outcome)
}

// patience is how long the program may take.
const patience = 2 * time.Minute

func try(trial steps.Trial) (*steps.Outcome, error) {
	watch := &watch{trial: trial, threads: make(map[int]*thread), groups: make(map[int]string), times: make(map[steps.Step]int), asked: make(map[steps.Step]int)}
	var files []uintptr
	var printed []*os.File
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	files = append(files, null.Fd())
	for range 2 {
		// In memory, so that nobody has to read while the program runs.
		descriptor, err := unix.MemfdCreate("output", unix.MFD_CLOEXEC)
		if err != nil {
			return nil, err
		}
		file := os.NewFile(uintptr(descriptor), "output")
		defer file.Close()
		printed, files = append(printed, file), append(files, file.Fd())
	}
	for _, pid := range trial.Beside {
		if err := watch.join(pid); err != nil {
			return nil, fmt.Errorf("watch process %d: %w", pid, err)
		}
	}
	watch.tool, err = syscall.ForkExec(trial.Path, append([]string{trial.Path}, trial.Args...), &syscall.ProcAttr{
		Dir: trial.Dir, Env: trial.Env, Files: files, Sys: &syscall.SysProcAttr{Ptrace: true, Setpgid: true},
	})
	if err != nil {
		return nil, err
	}
	if err := watch.begin(); err != nil {
		return nil, fmt.Errorf("watch %s: %w", trial.Path, err)
	}
	late := time.AfterFunc(patience, watch.giveUp)
	defer late.Stop()
	if err := watch.loop(); err != nil {
		return nil, err
	}
	outcome := &steps.Outcome{Steps: watch.done, Killed: watch.killed, Calls: watch.calls, Refused: watch.refused}
	outcome.Code = watch.code
	if outcome.Stdout, err = whole(printed[0]); err != nil {
		return nil, err
	}
	outcome.Stderr, err = whole(printed[1])
	return outcome, err
}

func whole(file *os.File) (string, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
	return string(content), err
}
