package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed/steps"
)

// watch follows processes from one system call to the next.
type watch struct {
	trial   steps.Trial
	tool    int
	code    int
	done    []steps.Step
	times   map[steps.Step]int
	killed  bool
	calls   []steps.Step
	asked   map[steps.Step]int
	refused bool

	mutex   sync.Mutex
	threads map[int]*thread
	groups  map[int]string // processes, by their first threads, and their roles
	late    bool
	err     error
}

// thread is one that is watched.
type thread struct {
	group   int
	begun   string // the step that it is about to do, or ""
	refused bool   // its call is, and it is to be told so
}

const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC

// begin watches the program, which has stopped where it begins. It is not watched as
// one that has asked for it is: what that starts gets a signal which really stops it,
// should we end meanwhile.
func (w *watch) begin() error {
	var status unix.WaitStatus
	if _, err := unix.Wait4(w.tool, &status, unix.WALL, nil); err != nil {
		return err
	}
	if err := ptrace(unix.PTRACE_DETACH, w.tool, 0, uintptr(unix.SIGSTOP)); err != nil {
		return err
	}
	if err := w.join(w.tool); err != nil {
		return err
	}
	w.groups[w.tool] = steps.Tool
	return unix.Kill(w.tool, unix.SIGCONT)
}

// join watches a process that runs already.
func (w *watch) join(pid int) error {
	folders, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil || len(folders) == 0 {
		return errors.Join(err, unix.ESRCH)
	}
	w.groups[pid] = roleOf(pid)
	for _, folder := range folders {
		number, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			return err
		}
		if err := ptrace(unix.PTRACE_SEIZE, number, 0, options); err != nil {
			return err
		}
		// It stops, and goes on to its next system call.
		if err := ptrace(unix.PTRACE_INTERRUPT, number, 0, 0); err != nil {
			return err
		}
		w.threads[number] = &thread{group: pid}
	}
	return nil
}

// giveUp ends all that is watched.
func (w *watch) giveUp() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.late = true
	for group := range w.groups {
		_ = unix.Kill(group, unix.SIGKILL) // it may have ended
	}
}

func (w *watch) loop() error {
	for {
		var status unix.WaitStatus
		number, err := unix.Wait4(-1, &status, unix.WALL, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if errors.Is(err, unix.ECHILD) {
			break // all have ended
		}
		if err != nil {
			return err
		}
		if over := w.handle(number, status); over {
			break
		}
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.err != nil {
		return fmt.Errorf("refuse %v: %w", w.trial.Refused, w.err)
	}
	if w.late {
		return fmt.Errorf("it did not end, after %d steps, the last of them %v", len(w.done), w.done[max(0, len(w.done)-3):])
	}
	return nil
}

// handle deals with one thing that has happened, and reports whether that was the last.
func (w *watch) handle(number int, status unix.WaitStatus) (over bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if !status.Stopped() {
		delete(w.threads, number)
		delete(w.groups, number)
		if number != w.tool {
			return false
		}
		w.code = status.ExitStatus()
		if status.Signaled() {
			w.code = 128 + int(status.Signal())
		}
		return !w.trial.ToTheEnd
	}
	current := w.known(number)
	signal, event := int(status.StopSignal()), int(status)>>16
	pass := 0
	switch {
	case signal == int(unix.SIGTRAP)|0x80:
		w.syscall(number, current)
	case event == unix.PTRACE_EVENT_EXEC:
		current.group = number
		w.groups[number] = roleOf(number)
		if w.groups[number] == "" { // a program that is none of ours
			delete(w.threads, number)
			delete(w.groups, number)
			_ = ptrace(unix.PTRACE_DETACH, number, 0, 0)
			return false
		}
	case event == unix.PTRACE_EVENT_CLONE, event == unix.PTRACE_EVENT_FORK, event == unix.PTRACE_EVENT_VFORK:
		w.born(number, current)
	case event != 0:
	default:
		pass = signal
	}
	// Whoever was just killed cannot be sent on.
	_ = ptrace(unix.PTRACE_SYSCALL, number, 0, uintptr(pass))
	return false
}

// known returns a thread, which may stop before its parent says that it has it.
func (w *watch) known(number int) *thread {
	current := w.threads[number]
	if current == nil {
		current = &thread{group: groupOf(number)}
		w.threads[number] = current
	}
	return current
}

// born is about a thread that has just made another thread, or a process.
func (w *watch) born(number int, parent *thread) {
	child, err := unix.PtraceGetEventMsg(number)
	if err != nil {
		return
	}
	born := w.known(int(child))
	if born.group == parent.group {
		return
	}
	if w.groups[born.group] == "" {
		w.groups[born.group] = w.groups[parent.group] + "'s child"
	}
	w.did(parent, "a child is born")
}

// syscallInfo is struct ptrace_syscall_info.
type syscallInfo struct {
	op    uint8
	_     [3]uint8
	_     uint32
	_, _  uint64
	words [8]uint64 // at entry the number and the arguments, at exit the result and whether it is an error
}

func (w *watch) syscall(number int, current *thread) {
	var info syscallInfo
	if err := ptrace(unix.PTRACE_GET_SYSCALL_INFO, number, unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info))); err != nil {
		return
	}
	switch info.op {
	case unix.PTRACE_SYSCALL_INFO_ENTRY:
		call := call{number, info.words[0], [6]uint64(info.words[1:7])}
		current.begun = call.step()
		if !inward[call.number] && slices.Contains(w.trial.Calls, w.groups[current.group]) {
			w.asks(current, call)
		}
	case unix.PTRACE_SYSCALL_INFO_EXIT:
		if current.refused {
			current.refused = false
			w.note(answer(number, w.trial.Error))
			return
		}
		if failed := info.words[1]&0xff != 0; current.begun != "" && !failed {
			w.did(current, current.begun)
		}
		current.begun = ""
	}
}

// asks notes a call, which has not been done yet, and refuses it if it is the one.
func (w *watch) asks(by *thread, call call) {
	asked := steps.Step{Role: w.groups[by.group], Name: call.name()}
	w.asked[asked]++
	asked.Time = w.asked[asked]
	w.calls = append(w.calls, asked)
	if asked == w.trial.Refused {
		w.refused, by.refused, by.begun = true, true, ""
		w.note(refuse(call.thread))
	}
}

// note keeps the first error.
func (w *watch) note(err error) {
	if w.err == nil {
		w.err = err
	}
}

// did notes a step, and kills whoever has done the wanted one.
func (w *watch) did(by *thread, name string) {
	step := steps.Step{Role: w.groups[by.group], Name: name}
	w.times[step]++
	step.Time = w.times[step]
	w.done = append(w.done, step)
	if step == w.trial.Victim {
		w.killed = true
		_ = unix.Kill(by.group, unix.SIGKILL) // it is stopped, so it is there
	}
}

func ptrace(request, number int, address, data uintptr) error {
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(request), uintptr(number), address, data, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// roleOf returns the role of a process that has just been executed.
func roleOf(pid int) string {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	words := strings.Split(strings.TrimSuffix(string(content), "\x00"), "\x00")
	if err != nil || len(words) != 2 || words[0] != "tinydocker" {
		return ""
	}
	return words[1]
}

// groupOf returns the process of a thread.
func groupOf(number int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", number))
	if err != nil {
		return number
	}
	_, rest, _ := strings.Cut(string(status), "\nTgid:")
	line, _, _ := strings.Cut(rest, "\n")
	group, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return number
	}
	return group
}
