package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mytinydocker/final/storage"
)

// bench is what all rows share: a folder with a root file system for everybody, and
// the programs.
type bench struct {
	program string
	samples int
	folder  string // removed at the end
	rootfs  string // the built-in image, unpacked
	floor   string // the program that does the least
	docker  *daemon
}

func newBench(program, image string, samples int) (*bench, error) {
	if err := makeQuiet(); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	in := func(name string) string { return filepath.Join(folder, name) }
	b := &bench{program: in("tinydocker"), samples: samples, folder: folder, rootfs: in("rootfs"), floor: in("floor")}
	if err := b.prepare(program, image); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// prepare fills the folder, and starts what there is of Docker.
func (b *bench) prepare(program, image string) error {
	for _, name := range []string{"rootfs", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(b.folder, name), 0o755); err != nil {
			return err
		}
	}
	// As it would be installed, and not as a compiler has left it in the cache.
	if err := do(exec.Command("cp", program, b.program)); err != nil {
		return err
	}
	build := exec.Command("go", "build", "-o", b.floor, "./internal/bench/floor")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // nor is there a libc that has to be set up
	if err := do(build); err != nil {
		return err
	}
	archive, err := os.Open(image)
	if err != nil {
		return err
	}
	defer archive.Close()
	if err := storage.Unpack(archive, b.rootfs); err != nil {
		return err
	}
	b.docker, err = startDocker(b.folder, image)
	return err
}

// makeQuiet keeps what is mounted here from others, and has the loopback that every
// machine has. crun does not go on beside a hierarchy of version 2 that has next to no
// controllers.
func makeQuiet() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := unix.Unmount("/sys/fs/cgroup/unified", 0); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unmount the hierarchy of version 2: %w", err)
	}
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find the loopback: %w", err)
	}
	return netlink.LinkSetUp(loopback)
}

func (b *bench) close() error {
	return errors.Join(b.docker.stop(), storage.RemoveAll(b.folder))
}

// tinydocker is a command of ours, with containers of its own.
func (b *bench) tinydocker(arguments ...string) *exec.Cmd {
	command := exec.Command(b.program, arguments...)
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "TINYDOCKER_ROOT=" + filepath.Join(b.folder, "state"), "TINYDOCKER_RUN=" + filepath.Join(b.folder, "run"),
	}
	return command
}

// result is what has been measured for a row.
type result struct {
	Name    string               `json:"name"`
	What    string               `json:"what"`
	Unit    string               `json:"unit"`
	Subject string               `json:"subject"` // whose figures are compared with the others'
	Limits  map[string]float64   `json:"limits"`  // the ratio that is wanted at most, by whom it is taken to
	Samples map[string][]float64 `json:"samples"`
}

// measureAll measures those of the rows whose name matches.
func (b *bench) measureAll(wanted *regexp.Regexp) ([]result, error) {
	var results []result
	for _, row := range rows {
		if !wanted.MatchString(row.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s ", row.name)
		taken, err := b.measure(row)
		fmt.Fprintln(os.Stderr)
		if err != nil {
			return nil, fmt.Errorf("row %s: %w", row.name, err)
		}
		results = append(results, result{
			Name: row.name, What: row.what, Unit: row.unit, Subject: cmp.Or(row.subject, ours), Limits: row.limits, Samples: taken,
		})
	}
	return results, nil
}

func (b *bench) measure(row row) (map[string][]float64, error) {
	contenders, done, err := row.prepare(b)
	if err != nil {
		return nil, err
	}
	samples := b.samples
	if row.samples != 0 {
		samples = min(samples, row.samples)
	}
	taken, err := interleave(contenders, samples)
	return taken, errors.Join(err, done())
}
