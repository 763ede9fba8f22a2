package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// unpack unpacks a tar archive into a folder. The archive may come from anybody:
// names that are absolute or that climb are refused, and os.Root keeps everything
// else inside, through whatever links the archive has put there before. Devices
// are refused: /dev is not the image's business.
func unpack(archive io.Reader, folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	input := &input{Reader: archive}
	reader := tar.NewReader(input)
	var folders []*tar.Header
	for entries := 0; ; entries++ {
		header, err := reader.Next()
		if input.ended {
			err = io.ErrUnexpectedEOF
		}
		if errors.Is(err, io.EOF) && entries > 0 {
			return setTimes(root, folders)
		}
		if err != nil {
			return fmt.Errorf("read the archive: %w", err)
		}
		if err := unpackEntry(root, header, reader); err != nil {
			return fmt.Errorf("unpack %q: %w", header.Name, err)
		}
		if header.Typeflag == tar.TypeDir {
			folders = append(folders, header)
		}
	}
}

// input knows whether there was nothing more to read. An archive says itself where it
// ends, with two empty blocks; tar.Reader takes the end of its input for that, too.
type input struct {
	io.Reader
	ended bool
}

func (i *input) Read(buffer []byte) (int, error) {
	n, err := i.Reader.Read(buffer)
	i.ended = n == 0 && errors.Is(err, io.EOF)
	return n, err
}

func unpackEntry(root *os.Root, header *tar.Header, content io.Reader) error {
	name := path.Clean(header.Name)
	if path.IsAbs(name) || name == ".." || len(name) > 2 && name[:3] == "../" {
		return errors.New("leads out of the image")
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if header.Typeflag != tar.TypeDir {
		if err := root.RemoveAll(name); err != nil { // a later entry replaces an earlier one
			return err
		}
	}
	switch header.Typeflag {
	case tar.TypeDir:
		if err := root.MkdirAll(name, 0o755); err != nil {
			return err
		}
	case tar.TypeReg:
		if err := unpackFile(root, name, content); err != nil {
			return err
		}
	case tar.TypeSymlink:
		if err := root.Symlink(header.Linkname, name); err != nil {
			return err
		}
		return errors.Join(root.Lchown(name, header.Uid, header.Gid), setTime(root, header))
	case tar.TypeLink:
		return root.Link(path.Clean(header.Linkname), name)
	case tar.TypeFifo:
		if err := unpackPipe(root, name); err != nil {
			return err
		}
	default:
		return errors.New("not a file, folder, link or named pipe")
	}
	return setAttributes(root, name, header)
}

func unpackFile(root *os.Root, name string, content io.Reader) error {
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}

func unpackPipe(root *os.Root, name string) error {
	parent, err := root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer parent.Close()
	return unix.Mkfifoat(int(parent.Fd()), path.Base(name), 0o600)
}

// setAttributes sets the owner first: a new owner clears the set-user-ID bit
// (chown(2)) and the capabilities.
func setAttributes(root *os.Root, name string, header *tar.Header) error {
	if err := root.Lchown(name, header.Uid, header.Gid); err != nil {
		return err
	}
	if err := root.Chmod(name, header.FileInfo().Mode()); err != nil {
		return err
	}
	if err := unpackAttributes(root, name, header); err != nil {
		return err
	}
	return setTime(root, header)
}

// setTime sets the time of an entry, and not that of what a link points to.
func setTime(root *os.Root, header *tar.Header) error {
	name := path.Clean(header.Name)
	parent, err := root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer parent.Close()
	modified, err := unix.TimeToTimespec(header.ModTime)
	if err != nil {
		return err
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, modified} // of the last access and of the last change
	return unix.UtimesNanoAt(int(parent.Fd()), path.Base(name), times, unix.AT_SYMLINK_NOFOLLOW)
}

// setTimes sets the times of the folders when everything is in them: whatever is
// put into one changes its time.
func setTimes(root *os.Root, folders []*tar.Header) error {
	for _, header := range folders {
		if err := setTime(root, header); err != nil {
			return fmt.Errorf("set the time of %q: %w", header.Name, err)
		}
	}
	return nil
}
