// Command floor is the least that a program in Go can do to start another one in a
// container: it starts itself in new namespaces, with an overlay as its root, and becomes
// that. There is nothing in it that limits, protects or records, and no package that has
// to be set up before.
//
//	floor run FOLDER       runs true over FOLDER/rootfs; FOLDER has upper, work and merged, too
//	floor PROGRAM WORD...  runs another program. With nsenter, in C, that is the least for
//	                       an exec: who has threads, as Go has, cannot join a mount namespace
package main

import (
	"os"
	"syscall"
)

func main() {
	if err := act(os.Args[1:]); err != nil {
		_, _ = os.Stderr.WriteString("floor: " + err.Error() + "\n")
		os.Exit(1)
	}
}

func act(words []string) error {
	switch words[0] {
	case "run":
		return start(&syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		}, "/proc/self/exe", "init", words[1])
	case "init":
		return become(words[1])
	default:
		return start(nil, words...)
	}
}

func start(attributes *syscall.SysProcAttr, words ...string) error {
	process, err := os.StartProcess(words[0], words, &os.ProcAttr{Env: os.Environ(), Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: attributes})
	if err != nil {
		return err
	}
	state, err := process.Wait()
	if err == nil && !state.Success() {
		os.Exit(1) // it has said why
	}
	return err
}

func become(folder string) error {
	layers := "lowerdir=" + folder + "/rootfs,upperdir=" + folder + "/upper,workdir=" + folder + "/work"
	for _, step := range []func() error{
		func() error { return syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") },
		func() error { return syscall.Mount("overlay", folder+"/merged", "overlay", 0, layers) },
		func() error { return syscall.Chdir(folder + "/merged") },
		func() error { return syscall.PivotRoot(".", ".") },
		func() error { return syscall.Unmount(".", syscall.MNT_DETACH) },
		func() error { return syscall.Mount("proc", "/proc", "proc", 0, "") },
		func() error { return syscall.Exec("/bin/true", []string{"true"}, nil) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
