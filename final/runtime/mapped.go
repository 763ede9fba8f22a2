package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
	"mytinydocker/final/users"
)

// overlayFor mounts an overlay whose layers, on the disk, belong to the container's
// users as it numbers them itself. The overlay takes what its layers look like in its
// mount namespace, so we are in one of our own meanwhile, on a thread that ends with it.
func overlayFor(own users.Range, root specs.Mount, target string, namespace *os.File, log explain.Log) (int, error) {
	type result struct {
		tree int
		err  error
	}
	done := make(chan result)
	go func() {
		goruntime.LockOSThread() // and never unlocked: nobody else is to be on this thread
		tree, err := overlayHere(own, root, target, namespace, log)
		done <- result{tree, err}
	}()
	made := <-done
	return made.tree, made.err
}

func overlayHere(own users.Range, root specs.Mount, target string, namespace *os.File, log explain.Log) (int, error) {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return -1, fmt.Errorf("make a mount namespace: %w", err)
	}
	if err := makePrivate(log); err != nil {
		return -1, err
	}
	folders, err := layersOf(root.Options)
	if err != nil {
		return -1, err
	}
	for _, folder := range folders {
		if err := mapInPlace(folder, namespace, log); err != nil {
			return -1, err
		}
	}
	// It works in its layers as whoever has mounted it (overlayfs.rst, "Permission model").
	if err := own.Act(); err != nil {
		return -1, err
	}
	if err := mountOverlay(root.Options, target, log); err != nil {
		return -1, fmt.Errorf("%w: of layers whose users are mapped, that takes Linux 5.19", err)
	}
	tree, err := cloneTree(target, false)
	if err != nil {
		return -1, fmt.Errorf("open the root %s: %w", target, err)
	}
	return tree, nil
}

// layersOf are the folders that the options of an overlay are about. The two that it
// writes to must be in one mount, so it is the folder of both.
func layersOf(options []string) (folders []string, err error) {
	written := ""
	for _, option := range options {
		switch name, path, _ := strings.Cut(option, "="); name {
		case "lowerdir+":
			folders = append(folders, path)
		case "upperdir", "workdir":
			if written != "" && written != filepath.Dir(path) {
				return nil, errors.New("the folders of the write layer are not in one folder")
			}
			written = filepath.Dir(path)
		}
	}
	if written != "" {
		folders = append(folders, written)
	}
	return folders, nil
}

// mapInPlace has a folder, in our mount namespace, be seen with other users.
func mapInPlace(folder string, namespace *os.File, log explain.Log) error {
	log.Run(explain.Beyond, "mount", "--bind", "-o", "X-mount.idmap="+namespace.Name(), folder, folder)
	tree, err := cloneTree(folder, false)
	if err != nil {
		return fmt.Errorf("open the layer %s: %w", folder, err)
	}
	defer unix.Close(tree)
	if err := mapUsers(tree, folder, int(namespace.Fd()), false); err != nil {
		return err
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, folder, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount the layer %s with the users of the container: %w", folder, err)
	}
	return nil
}

// mapUsers has what is at a mount, which is attached nowhere yet, belong to the users of
// a namespace: 0 on the disk is its root (mount_setattr(2), MOUNT_ATTR_IDMAP).
func mapUsers(mount int, path string, namespace int, below bool) error {
	at := uint(unix.AT_EMPTY_PATH)
	if below {
		at |= unix.AT_RECURSIVE
	}
	err := unix.MountSetattr(mount, "", at, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(namespace)})
	if err != nil {
		return fmt.Errorf("map the users of %s: %w: that takes Linux 5.19, and a file system that can (ext4, xfs, btrfs, tmpfs ...)", path, err)
	}
	return nil
}
