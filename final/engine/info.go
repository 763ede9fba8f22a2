package engine

import (
	"fmt"
	"os"
	goruntime "runtime"

	"golang.org/x/sys/unix"
)

// Info is what a person wants to know first who is to help another.
type Info struct {
	Containers, ContainersRunning, ContainersPaused, ContainersStopped int
	Images                                                             int
	Driver                                                             string
	CgroupVersion                                                      string
	KernelVersion, OSType, Architecture                                string
	NCPU                                                               int
	MemTotal                                                           uint64 // in bytes
	Name                                                               string
	RootDir, RunDir                                                    string
}

// Info looks at the machine and at what is on it.
func (e *Engine) Info() (*Info, error) {
	info := &Info{
		Driver: e.layers.Driver.Name(), OSType: goruntime.GOOS, Architecture: goruntime.GOARCH, NCPU: goruntime.NumCPU(),
		RootDir: e.root, RunDir: e.run, CgroupVersion: "1",
	}
	list, err := e.List()
	if err != nil {
		return nil, err
	}
	for index := range list {
		info.Containers++
		switch list[index].Status {
		case Running, Restarting:
			info.ContainersRunning++
		case Paused:
			info.ContainersPaused++
		default:
			info.ContainersStopped++
		}
	}
	images, err := e.images.List()
	if err != nil {
		return nil, err
	}
	info.Images = len(images)
	var kernel unix.Utsname
	if err := unix.Uname(&kernel); err != nil {
		return nil, fmt.Errorf("ask for the kernel's version: %w", err)
	}
	info.KernelVersion, info.Name = unix.ByteSliceToString(kernel.Release[:]), unix.ByteSliceToString(kernel.Nodename[:])
	var memory unix.Sysinfo_t
	if err := unix.Sysinfo(&memory); err != nil {
		return nil, fmt.Errorf("ask for the machine's memory: %w", err)
	}
	info.MemTotal = memory.Totalram * uint64(memory.Unit)
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		info.CgroupVersion = "2"
	}
	return info, nil
}
