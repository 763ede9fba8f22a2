package engine

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// checkOthers asks those who keep images, volumes and networks.
func (e *Engine) checkOthers([]string) (faults []Fault, err error) {
	networks, err := e.Networks()
	if err != nil {
		return nil, err
	}
	for _, check := range []func() ([]Fault, error){e.images.Check, e.volumes.Check, networks.Check} {
		found, err := check()
		if err != nil {
			return nil, err
		}
		faults = append(faults, found...)
	}
	return faults, nil
}

// checkMounts finds what is mounted where we never mount anything: containers have
// their mounts in namespaces of their own. What is mounted on the data of a volume is
// its owner's. Nothing is lost by an unmount.
func (e *Engine) checkMounts([]string) (faults []Fault, err error) {
	for _, place := range []string{
		filepath.Join(e.root, "containers"), filepath.Join(e.root, "layers"), filepath.Join(e.root, "images"), filepath.Join(e.run, "containers"),
	} {
		// The kernel's list has no links in its paths.
		place, err := filepath.EvalSymlinks(place)
		if err != nil {
			continue // it is not there yet
		}
		mounts, err := mountinfo.GetMounts(func(mount *mountinfo.Info) (skip, stop bool) {
			return !strings.HasPrefix(mount.Mountpoint, place+"/"), false
		})
		if err != nil {
			return nil, fmt.Errorf("ask what is mounted: %w", err)
		}
		for _, mount := range mounts {
			path := strings.TrimSuffix(mount.Mountpoint, "//deleted")
			faults = append(faults, Fault{
				What: fmt.Sprintf("something (%s) is mounted on %s", mount.FSType, path),
				Repair: func() error {
					if err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
						return fmt.Errorf("unmount %s: %w", path, err)
					}
					return nil
				},
			})
		}
	}
	return faults, nil
}
