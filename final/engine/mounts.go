package engine

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/image"
	"mytinydocker/final/storage"
	"mytinydocker/final/volume"
)

// prepareMounts makes what a new container is to have mounted: what the user has
// asked for, and a volume for each folder that the image wants one for. Volumes that
// are empty begin with what the image has at their place.
func (e *Engine) prepareMounts(record *Record, image *image.Image) (err error) {
	for place := range image.Config.Config.Volumes {
		if place = path.Clean("/" + place); place != "/" && !hasMount(record, place) {
			record.Mounts = append(record.Mounts, volume.Mount{Kind: volume.Named, Target: place})
		}
	}
	// What is mounted in another mount comes after that.
	slices.SortStableFunc(record.Mounts, func(a, b volume.Mount) int { return strings.Compare(a.Target, b.Target) })
	if err := checkMounts(record); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.removeAnonymous(record))
		}
	}()
	intended, err := e.intendVolumes(record)
	if err != nil {
		return err
	}
	for index := range record.Mounts {
		mount := &record.Mounts[index]
		if slices.Contains(intended, mount.Source) {
			_, err = e.volumes.CreateAnonymous(mount.Source, mount.Labels)
		} else {
			err = e.volumes.Prepare(mount)
		}
		if err != nil {
			return err
		}
		if mount.Kind != volume.Named || mount.NoCopy {
			continue
		}
		err := e.volumes.Fill(mount.Source, func(folder string) error { return e.copyOut(record, mount.Target, folder) })
		if err != nil {
			return err
		}
	}
	return nil
}

func hasMount(record *Record, place string) bool {
	_, isTmpfs := record.Tmpfs[place]
	return isTmpfs || slices.ContainsFunc(record.Mounts, func(mount volume.Mount) bool { return mount.Target == place })
}

func checkMounts(record *Record) error {
	for index, mount := range record.Mounts {
		// Programs trust what /proc says, and so do we.
		if mount.Target == "/proc" || strings.HasPrefix(mount.Target, "/proc/") {
			return fmt.Errorf("mount on %s: nothing can be mounted in /proc", mount.Target)
		}
		if _, isTmpfs := record.Tmpfs[mount.Target]; isTmpfs || index > 0 && record.Mounts[index-1].Target == mount.Target {
			return fmt.Errorf("two mounts on %s: give one of them another place", mount.Target)
		}
	}
	return nil
}

// copyOut copies what the image has at a place into a folder. There is no mount, so
// that no link in the image leads anywhere but in the image.
func (e *Engine) copyOut(record *Record, place, folder string) error {
	layers := e.layerFolders(record)
	slices.Reverse(layers)
	reader, writer := io.Pipe()
	go func() {
		err := storage.View{Driver: driverOf(record), Layers: layers}.Archive(writer, place)
		writer.CloseWithError(err)
	}()
	err := storage.Unpack(reader, folder)
	reader.Close() //nolint:errcheck // of a pipe, it never fails
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil // the image has no folder there
	}
	return err
}

// withMounts adds the container's own mounts to those that all have. Where both have
// one, its own is meant.
func (e *Engine) withMounts(mounts []specs.Mount, record *Record) []specs.Mount {
	mounts = slices.DeleteFunc(mounts, func(usual specs.Mount) bool {
		return slices.ContainsFunc(record.Mounts, func(own volume.Mount) bool { return own.Target == usual.Destination })
	})
	for _, mount := range record.Mounts {
		mounts = append(mounts, e.volumes.Spec(mount))
	}
	return mounts
}

// borrowMounts gives a container the volumes and folders of others, CONTAINER[:ro],
// at the same places.
func (e *Engine) borrowMounts(record *Record, lenders []string) error {
	for _, text := range lenders {
		name, mode, _ := strings.Cut(text, ":")
		if mode != "" && mode != "ro" && mode != "rw" {
			return fmt.Errorf("borrow the volumes of %s: unknown option %q: ro or rw", name, mode)
		}
		lender, err := e.Get(name)
		if err != nil {
			return err
		}
		for _, mount := range lender.Mounts {
			if hasMount(record, mount.Target) {
				continue
			}
			mount.ReadOnly = mount.ReadOnly || mode == "ro"
			record.Mounts = append(record.Mounts, mount)
		}
	}
	return nil
}

// removeAnonymous removes the volumes of a container that nobody has given a name,
// and nobody else uses.
func (e *Engine) removeAnonymous(record *Record) error {
	for _, mount := range record.Mounts {
		if mount.Kind != volume.Named || mount.Source == "" {
			continue
		}
		found, err := e.volumes.Find(mount.Source)
		if err != nil || !found.Anonymous {
			continue // gone, or not for us to remove
		}
		users, err := e.volumeUsers(mount.Source)
		if err != nil {
			return err
		}
		users = slices.DeleteFunc(users, func(id string) bool { return id == record.ID })
		if len(users) > 0 {
			continue
		}
		if err := e.volumes.Remove(mount.Source, nil); err != nil && !errors.Is(err, volume.ErrNotFound) {
			return err
		}
	}
	return nil
}

// RemoveWithVolumes removes a container as Remove does, and its volumes without a name.
func (e *Engine) RemoveWithVolumes(name string, force bool) error {
	return e.remove(name, force, true)
}
