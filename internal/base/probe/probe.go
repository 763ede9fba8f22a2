// Package probe tells what a process can see and do: what a test wants to know
// about the inside of a container.
package probe

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Report is what a process sees. A part that could not be read is empty, and the
// reason is in Errors.
type Report struct {
	Pid, Ppid    int
	UID, GID     int
	Groups       []int
	Hostname     string
	Namespaces   map[string]string   // kind -> "kind:[inode]"
	Mounts       []Mount             // in the order of mountinfo
	Capabilities map[string][]string // effective, permitted, inheritable, bounding, ambient
	NoNewPrivs   bool
	Seccomp      int
	Cgroups      []Cgroup
	Rlimits      map[string]Rlimit
	Files        map[int]string // open file descriptors
	Environment  []string
	Arguments    []string
	Cwd          string
	RootEntries  []string
	Umask        int
	CPUsAllowed  string
	Links        []Link
	Errors       []string
}

// Mount is a line of /proc/self/mountinfo.
type Mount struct {
	Root, Mountpoint, Options, Propagation, Type, Source, SuperOptions string
}

// Cgroup is a line of /proc/self/cgroup.
type Cgroup struct {
	Hierarchy   int
	Controllers []string
	Path        string
}

// Rlimit is a resource limit; the greatest number means none.
type Rlimit struct{ Soft, Hard uint64 }

// Link is a network interface.
type Link struct {
	Name      string
	Up        bool
	Addresses []string
}

// Take looks at everything.
func Take() *Report {
	report := &Report{
		Pid: os.Getpid(), Ppid: os.Getppid(), UID: os.Getuid(), GID: os.Getgid(),
		Environment: os.Environ(), Arguments: os.Args,
	}
	report.Umask = unix.Umask(0)
	unix.Umask(report.Umask)
	for _, part := range []func() error{
		report.files, report.process, report.namespaces, report.mounts, report.status, report.cgroups, report.limits, report.links,
	} {
		if err := part(); err != nil {
			report.Errors = append(report.Errors, err.Error())
		}
	}
	return report
}

func (r *Report) process() (err error) {
	if r.Groups, err = os.Getgroups(); err != nil {
		return err
	}
	if r.Hostname, err = os.Hostname(); err != nil {
		return err
	}
	if r.Cwd, err = os.Readlink("/proc/self/cwd"); err != nil {
		return err
	}
	entries, err := os.ReadDir("/")
	for _, entry := range entries {
		r.RootEntries = append(r.RootEntries, entry.Name())
	}
	return err
}

func (r *Report) namespaces() error {
	links, err := filepath.Glob("/proc/self/ns/*")
	if err != nil {
		return err
	}
	r.Namespaces = make(map[string]string)
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil {
			return err
		}
		r.Namespaces[filepath.Base(link)] = target
	}
	return nil
}

func (r *Report) mounts() error {
	mounts, err := mountinfo.GetMounts(nil)
	for _, mount := range mounts {
		r.Mounts = append(r.Mounts, Mount{
			Root: mount.Root, Mountpoint: mount.Mountpoint, Options: mount.Options, Propagation: mount.Optional,
			Type: mount.FSType, Source: mount.Source, SuperOptions: mount.VFSOptions,
		})
	}
	return err
}

func (r *Report) cgroups() error {
	content, err := os.ReadFile("/proc/self/cgroup")
	for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n") {
		fields := strings.SplitN(line, ":", 3)
		if len(fields) != 3 {
			continue
		}
		hierarchy, _ := strconv.Atoi(fields[0])
		controllers := slices.DeleteFunc(strings.Split(fields[1], ","), func(name string) bool { return name == "" })
		r.Cgroups = append(r.Cgroups, Cgroup{Hierarchy: hierarchy, Controllers: controllers, Path: fields[2]})
	}
	return err
}

func (r *Report) limits() error {
	r.Rlimits = make(map[string]Rlimit)
	for name, resource := range map[string]int{
		"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "data": unix.RLIMIT_DATA, "fsize": unix.RLIMIT_FSIZE,
		"memlock": unix.RLIMIT_MEMLOCK, "nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC, "stack": unix.RLIMIT_STACK,
	} {
		var limit unix.Rlimit
		if err := unix.Prlimit(0, resource, nil, &limit); err != nil {
			return err
		}
		r.Rlimits[name] = Rlimit{Soft: limit.Cur, Hard: limit.Max}
	}
	return nil
}
