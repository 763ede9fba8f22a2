package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
	"mytinydocker/final/users"
)

// deviceKinds are the types that mknod(1) has.
var deviceKinds = map[string]uint32{"c": unix.S_IFCHR, "u": unix.S_IFCHR, "b": unix.S_IFBLK, "p": unix.S_IFIFO}

func validateDevices(devices []specs.LinuxDevice) error {
	for _, device := range devices {
		if _, known := deviceKinds[device.Type]; !known {
			return fmt.Errorf("the specification has the device %s of the unknown type %q", device.Path, device.Type)
		}
		if !strings.HasPrefix(device.Path, "/dev/") || filepath.Clean(device.Path) != device.Path {
			return fmt.Errorf("the specification has the device %q, which is not below /dev", device.Path)
		}
	}
	return nil
}

// deviceFolder is where devices are made: a root folder, and the part of their paths
// that this stands for. Who is to have them is one of own.
type deviceFolder struct {
	root  int
	below string
	own   users.Range
	known string // where a person would find /dev
}

// fill makes the devices that every container has, and more.
func (f deviceFolder) fill(more []specs.LinuxDevice, log explain.Log) error {
	for _, list := range [][]specs.LinuxDevice{devices, more} {
		for _, device := range list {
			if err := f.makeDevice(device, log); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeDevice makes a node below /dev: with the owner and the mode that were asked
// for, and otherwise for everybody.
func (f deviceFolder) makeDevice(device specs.LinuxDevice, log explain.Log) error {
	path := strings.TrimPrefix(device.Path, f.below)
	folder, err := f.open(filepath.Dir(path), log)
	if err != nil {
		return fmt.Errorf("make %s: %w", device.Path, err)
	}
	defer unix.Close(folder)
	if err := f.makeNode(folder, filepath.Base(path), device, log); err != nil {
		return fmt.Errorf("make %s: %w", device.Path, err)
	}
	return nil
}

// open makes and opens a folder of ours: a link that leads to it was mounted there by
// the user.
func (f deviceFolder) open(path string, log explain.Log) (int, error) {
	how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
	folder, err := unix.Openat2(f.root, path, how)
	if !errors.Is(err, unix.ENOENT) {
		return folder, err
	}
	parent, err := f.open(filepath.Dir(path), log)
	if err != nil {
		return -1, err
	}
	defer unix.Close(parent)
	log.Run(explain.Beyond, "mkdir", "-p", f.known+f.below+path)
	if err := unix.Mkdirat(parent, filepath.Base(path), 0o755); err != nil {
		return -1, err
	}
	if f.own.Own() {
		if err := unix.Fchownat(parent, filepath.Base(path), int(f.own.First), int(f.own.First), unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return -1, err
		}
	}
	return unix.Openat2(parent, filepath.Base(path), how)
}

// makeNode makes a node in folder. One that stands for the same device already, as
// the default ones may, gets the owner and the mode.
func (f deviceFolder) makeNode(folder int, name string, device specs.LinuxDevice, log explain.Log) error {
	mode, uid, gid := uint32(0o666), int(f.own.First), int(f.own.First)
	var unknown error
	if device.FileMode != nil {
		mode = uint32(device.FileMode.Perm())
	}
	if device.UID != nil {
		uid, unknown = f.own.Outside(int(*device.UID))
	}
	if device.GID != nil {
		var err error
		gid, err = f.own.Outside(int(*device.GID))
		unknown = errors.Join(unknown, err)
	}
	if unknown != nil {
		return unknown
	}
	kind, number := deviceKinds[device.Type], unix.Mkdev(uint32(device.Major), uint32(device.Minor))
	logNode(f.known, device, mode, uid, gid, log)
	err := unix.Mknodat(folder, name, kind|mode, int(number))
	if errors.Is(err, unix.EEXIST) {
		err = sameNode(folder, name, kind, number)
	}
	if err != nil {
		return err
	}
	if err := unix.Fchownat(folder, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	return unix.Fchmodat(folder, name, mode, 0)
}

func sameNode(folder int, name string, kind uint32, number uint64) error {
	var stat unix.Stat_t
	if err := unix.Fstatat(folder, name, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != kind || stat.Rdev != number {
		return errors.New("something else is there")
	}
	return nil
}

func logNode(root string, device specs.LinuxDevice, mode uint32, uid, gid int, log explain.Log) {
	path := root + device.Path
	command := []string{"mknod", "-m", fmt.Sprintf("%03o", mode), path, device.Type}
	if device.Type != "p" {
		command = append(command, fmt.Sprint(device.Major), fmt.Sprint(device.Minor))
	}
	log.Run(explain.Beyond, command...)
	if uid != os.Getuid() || gid != os.Getgid() {
		log.Run(explain.Beyond, "chown", fmt.Sprintf("%d:%d", uid, gid), path)
	}
}
