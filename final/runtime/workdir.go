package runtime

import (
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"
)

// makeWorkingFolder makes the folder that the program starts in, and those above it,
// if the image does not have them. Like the working folder itself, none of them is
// looked for by way of an open file of ours.
func makeWorkingFolder(name string) error {
	if err := makeFolders(path.Clean(name)); err != nil {
		return fmt.Errorf("make the working folder %q: %w", name, err)
	}
	return nil
}

func makeFolders(name string) error {
	folder, err := openInside(name, unix.O_PATH)
	if err == nil {
		return unix.Close(folder) // what it is, is found when it is entered
	}
	if !errors.Is(err, unix.ENOENT) || name == "/" {
		return err
	}
	above := path.Dir(name)
	if err := makeFolders(above); err != nil {
		return err
	}
	parent, err := openInside(above, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	err = unix.Mkdirat(parent, path.Base(name), 0o755)
	if errors.Is(err, unix.EEXIST) {
		return nil // a link to nowhere: entering it will say so
	}
	return err
}
