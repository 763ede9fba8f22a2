package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"
)

var imageName = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]*$`)

// imagePath returns where the image called name is, or would be.
func imagePath(root, name string) (string, error) {
	if !imageName.MatchString(name) {
		return "", fmt.Errorf("invalid image name %q: lower-case letters, digits and _ . -", name)
	}
	return filepath.Join(root, "images", name+".tar"), nil
}

// Layer returns the folder that holds the image ROOT/images/NAME.tar, unpacked, as
// the read-only layer of all its containers. It is unpacked the first time only,
// and appears under its name when it is complete.
//
// A layer is named by the digest of its archive, so a changed image is another
// layer, and never one that is half old and half new.
func Layer(root, name string) (string, error) {
	path, err := imagePath(root, name)
	if err != nil {
		return "", err
	}
	archive, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("no such image: %s is not there", path)
	}
	if err != nil {
		return "", fmt.Errorf("open the image %s: %w", name, err)
	}
	defer archive.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, archive); err != nil {
		return "", fmt.Errorf("read the image %s: %w", name, err)
	}
	layer := filepath.Join(root, "layers", fmt.Sprintf("%x", digest.Sum(nil)))
	if err := ensureLayer(layer, archive); err != nil {
		return "", fmt.Errorf("unpack the image %s: %w", name, err)
	}
	return layer, nil
}

// ensureLayer unpacks an archive into the folder layer, ROOT/layers/DIGEST, unless
// that exists. Who comes while somebody else is at it waits: the folder of the layers
// is locked. The archive is unpacked, from its start, into ROOT/partial, a folder with the
// mode 0755, and gets its name when it is complete. On an error neither folder is left, and what somebody who
// was killed has left in ROOT/partial is removed first.
//
//learn:exercise
func ensureLayer(layer string, archive *os.File) error {
	if err := os.MkdirAll(filepath.Dir(layer), 0o700); err != nil {
		return err
	}
	unlock, err := lock(filepath.Dir(layer))
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(layer); err == nil {
		return nil
	}
	partial := filepath.Join(filepath.Dir(filepath.Dir(layer)), "partial")
	if err := os.RemoveAll(partial); err != nil { // of somebody who was killed at it
		return err
	}
	if err := os.Mkdir(partial, 0o755); err != nil {
		return err
	}
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := unpack(archive, partial); err != nil {
		return errors.Join(err, os.RemoveAll(partial))
	}
	return os.Rename(partial, layer)
}

// lock locks a folder against others who lock it. The kernel ends the lock of a
// process that dies (flock(2)).
func lock(folder string) (unlock func(), err error) {
	file, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, unix.EINTR) {
			file.Close()
			return nil, fmt.Errorf("lock %s: %w", folder, err)
		}
	}
}
