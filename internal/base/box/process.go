package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

var processApplets = map[string]applet{"kill": kill, "ps": ps, "id": id, "whoami": whoami, "timeout": timeout, "setsid": setsid}

// kill sends a signal: kill [-SIGNAL|-s SIGNAL] PID..., or kill -l.
func kill(args []string) error {
	args = args[1:]
	number := unix.SIGTERM
	if len(args) > 0 && args[0] == "-l" {
		for number := syscall.Signal(1); number < 32; number++ {
			fmt.Printf("%2d %s\n", number, strings.TrimPrefix(unix.SignalName(number), "SIG"))
		}
		return nil
	}
	if len(args) > 1 && args[0] == "-s" {
		args = append([]string{"-" + args[1]}, args[2:]...)
	}
	if len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "--" {
		var err error
		if number, err = signalOf(args[0][1:]); err != nil {
			return failure{2, err}
		}
		args = args[1:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return failure{2, errors.New("missing process id")}
	}
	return each("kill", args, func(operand string) error {
		pid, err := strconv.Atoi(operand)
		if err != nil {
			return fmt.Errorf("%q is not a process id", operand)
		}
		if err := unix.Kill(pid, number); err != nil {
			return fmt.Errorf("%d: %w", pid, err)
		}
		return nil
	})
}

func signalOf(name string) (syscall.Signal, error) {
	if number, err := strconv.Atoi(name); err == nil {
		return syscall.Signal(number), nil
	}
	name = strings.ToUpper(name)
	if number := unix.SignalNum("SIG" + strings.TrimPrefix(name, "SIG")); number != 0 {
		return number, nil
	}
	return 0, fmt.Errorf("%q is not a signal", name)
}

// ps lists all processes that /proc shows, whatever options it is given.
func ps([]string) error {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return err
	}
	var pids []int
	for _, folder := range folders {
		if pid, err := strconv.Atoi(filepath.Base(folder)); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	table := tabwriter.NewWriter(os.Stdout, 5, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PID\tPPID\tUSER\tSTAT\tTIME\tCOMMAND")
	for _, pid := range pids {
		if line, err := processLine(pid); err == nil { // it may have ended
			fmt.Fprintln(table, line)
		}
	}
	return table.Flush()
}

func processLine(pid int) (string, error) {
	folder := filepath.Join("/proc", strconv.Itoa(pid))
	content, err := os.ReadFile(filepath.Join(folder, "stat"))
	if err != nil {
		return "", err
	}
	// The name in parentheses may hold anything, see proc_pid_stat(5).
	open, end := bytes.IndexByte(content, '('), bytes.LastIndexByte(content, ')')
	fields := strings.Fields(string(content[end+1:]))
	info, err := os.Stat(folder)
	if err != nil {
		return "", err
	}
	command, err := os.ReadFile(filepath.Join(folder, "cmdline"))
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(strings.ReplaceAll(string(command), "\x00", " "))
	if text == "" {
		text = "[" + string(content[open+1:end]) + "]"
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	used := (time.Duration(user+system) * 10 * time.Millisecond).Round(time.Second) // USER_HZ is 100
	owner := userName(info.Sys().(*syscall.Stat_t).Uid)
	return fmt.Sprintf("%d\t%s\t%s\t%s\t%d:%02d\t%s", pid, fields[1], owner, fields[0], int(used.Minutes()), int(used.Seconds())%60, text), nil
}

func id(args []string) error {
	flags := newFlags("id")
	onlyUser := flags.BoolP("user", "u", false, "the user")
	onlyGroup := flags.BoolP("group", "g", false, "the group")
	onlyGroups := flags.BoolP("groups", "G", false, "all groups")
	names := flags.BoolP("name", "n", false, "names, not numbers")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	groups, err := os.Getgroups()
	if err != nil {
		return err
	}
	uid, gid := os.Getuid(), os.Getgid()
	all := slices.Compact(append([]int{gid}, groups...))
	show := func(number int, name func(uint32) string) string {
		if *names {
			return name(uint32(number))
		}
		return strconv.Itoa(number)
	}
	switch {
	case *onlyUser:
		fmt.Println(show(uid, userName))
	case *onlyGroup:
		fmt.Println(show(gid, groupName))
	case *onlyGroups:
		var list []string
		for _, group := range all {
			list = append(list, show(group, groupName))
		}
		fmt.Println(strings.Join(list, " "))
	default:
		var list []string
		for _, group := range all {
			list = append(list, fmt.Sprintf("%d(%s)", group, groupName(uint32(group))))
		}
		fmt.Printf("uid=%d(%s) gid=%d(%s) groups=%s\n", uid, userName(uint32(uid)), gid, groupName(uint32(gid)), strings.Join(list, ","))
	}
	return nil
}

func whoami([]string) error {
	found, err := user.LookupId(strconv.Itoa(os.Geteuid()))
	if err != nil {
		return err
	}
	fmt.Println(found.Username)
	return nil
}

// timeout runs a program and ends it after a time, with exit status 124.
func timeout(args []string) error {
	flags := newFlags("timeout")
	flags.SetInterspersed(false)
	name := flags.StringP("signal", "s", "TERM", "how to end it")
	if err := parse(flags, args, 2); err != nil {
		return err
	}
	number, err := signalOf(*name)
	if err != nil {
		return failure{2, err}
	}
	seconds, err := strconv.ParseFloat(strings.TrimSuffix(flags.Arg(0), "s"), 64)
	if err != nil {
		return failure{2, fmt.Errorf("%q is not a time", flags.Arg(0))}
	}
	program := exec.Command(flags.Arg(1), flags.Args()[2:]...)
	program.Stdin, program.Stdout, program.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := program.Start(); err != nil {
		return failure{127, err}
	}
	late := false
	timer := time.AfterFunc(time.Duration(seconds*float64(time.Second)), func() {
		late = true
		_ = program.Process.Signal(number) // it may just have ended
	})
	err = program.Wait()
	if !timer.Stop() && late {
		return exitStatus(124)
	}
	return statusOfProgram(err)
}

// statusOfProgram is the exit status for a program that ended with err.
func statusOfProgram(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	if status := exit.Sys().(syscall.WaitStatus); status.Signaled() {
		return exitStatus(128 + int(status.Signal()))
	}
	return exitStatus(exit.ExitCode())
}

func setsid(args []string) error {
	if len(args) < 2 {
		return failure{2, errors.New("missing command")}
	}
	if _, err := unix.Setsid(); err == nil {
		return replaceBy(args[1:])
	}
	// The leader of a process group cannot start a session, but its child can.
	program := exec.Command(args[1], args[2:]...)
	program.Stdin, program.Stdout, program.Stderr = os.Stdin, os.Stdout, os.Stderr
	program.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return program.Start()
}
