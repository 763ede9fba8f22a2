package engine

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// devicesOf are the devices that a container gets besides those that all have, and adds
// to resources that it may use them: the ones it asks for, or, with privilege, all that
// the host has.
func devicesOf(record *Record, resources *specs.LinuxResources) ([]specs.LinuxDevice, error) {
	if record.Security.Privileged {
		return hostDevices()
	}
	var devices []specs.LinuxDevice
	for _, asked := range record.Devices {
		device, err := deviceAt(asked.Host)
		if err != nil {
			return nil, fmt.Errorf("look at the device %s: %w", asked.Host, err)
		}
		device.Path = asked.Container
		devices = append(devices, *device)
		resources.Devices = append(resources.Devices, specs.LinuxDeviceCgroup{
			Allow: true, Type: device.Type, Major: &device.Major, Minor: &device.Minor, Access: asked.Access,
		})
	}
	return devices, nil
}

// deviceAt returns the device that a file is, or that a link leads to.
func deviceAt(path string) (*specs.LinuxDevice, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	device := deviceOf(path, info)
	if device == nil {
		return nil, fmt.Errorf("it is no device")
	}
	return device, nil
}

func deviceOf(path string, info fs.FileInfo) *specs.LinuxDevice {
	if info.Mode()&fs.ModeDevice == 0 {
		return nil
	}
	stat := info.Sys().(*syscall.Stat_t)
	mode := info.Mode().Perm()
	device := &specs.LinuxDevice{
		Path: path, Type: "b", Major: int64(unix.Major(stat.Rdev)), Minor: int64(unix.Minor(stat.Rdev)),
		FileMode: &mode, UID: &stat.Uid, GID: &stat.Gid,
	}
	if info.Mode()&fs.ModeCharDevice != 0 {
		device.Type = "c"
	}
	return device
}

// ownDevices are what every container has an own one of.
var ownDevices = []string{"null", "zero", "full", "random", "urandom", "tty", "console", "ptmx"}

// hostDevices are all devices of the host but those of which a container has its own.
func hostDevices() ([]specs.LinuxDevice, error) {
	var devices []specs.LinuxDevice
	err := filepath.WalkDir("/dev", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return ignoreMissing(err)
		}
		name := strings.TrimPrefix(path, "/dev/")
		if entry.IsDir() {
			if name == "pts" || name == "shm" || name == "mqueue" {
				return fs.SkipDir
			}
			return nil
		}
		for _, own := range ownDevices {
			if name == own {
				return nil
			}
		}
		info, err := entry.Info()
		if err != nil {
			return ignoreMissing(err)
		}
		if device := deviceOf(path, info); device != nil {
			devices = append(devices, *device)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the host's devices: %w", err)
	}
	return devices, nil
}
