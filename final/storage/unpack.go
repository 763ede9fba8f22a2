package storage

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Unpack unpacks a tar archive into the folder target with modes, owners, times
// and extended attributes. An archive is hostile until proved otherwise: every
// name is resolved by os.Root, which never leaves target, whatever symbolic
// links the archive itself has put there. Devices are refused, and so are the
// deletions of lower layers, for which there is no place in a folder.
func Unpack(archive io.Reader, target string) error {
	root, err := os.OpenRoot(target)
	if err != nil {
		return err
	}
	defer root.Close()
	unpacker := &unpacker{root: root, target: target}
	reader := tar.NewReader(archive)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return unpacker.finish()
		}
		if err != nil {
			return fmt.Errorf("read the archive: %w", err)
		}
		if err := unpacker.entry(header, reader); err != nil {
			return fmt.Errorf("%q: %w", header.Name, err)
		}
	}
}

type unpacker struct {
	root    *os.Root
	target  string
	folders []*tar.Header // whose times are set last: unpacking into them changes these
}

func (u *unpacker) entry(header *tar.Header, content io.Reader) error {
	name, err := relative(header.Name)
	if err != nil {
		return err
	}
	header.Name = name
	// In an archive that is a layer, this deletes what a lower layer has
	// (image-spec, layer.md). As a file it would leave that there.
	if strings.HasPrefix(path.Base(name), ".wh.") {
		return errors.New("deletes from a lower layer, which is not supported")
	}
	if name != "." {
		if err := u.root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
	}
	if err := u.create(header, content); err != nil {
		return err
	}
	if header.Typeflag == tar.TypeLink {
		return nil // it shares everything with the file it links to
	}
	return u.attributes(header)
}

// relative returns the name of an entry without a leading "/" or "./", and
// refuses one that climbs.
func relative(name string) (string, error) {
	for _, element := range strings.Split(name, "/") {
		if element == ".." {
			return "", errors.New("leads out of the archive")
		}
	}
	return path.Clean(strings.TrimLeft(name, "/")), nil
}

func (u *unpacker) create(header *tar.Header, content io.Reader) error {
	if header.Typeflag != tar.TypeDir {
		// A later entry replaces an earlier one of its name.
		if err := u.root.RemoveAll(header.Name); err != nil {
			return err
		}
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return u.folder(header)
	case tar.TypeReg:
		return u.file(header.Name, content)
	case tar.TypeSymlink:
		return u.root.Symlink(header.Linkname, header.Name)
	case tar.TypeLink:
		old, err := relative(header.Linkname)
		if err != nil {
			return err
		}
		return u.root.Link(old, header.Name)
	default:
		return fmt.Errorf("entries of type %q are not for an image", header.Typeflag)
	}
}

func (u *unpacker) folder(header *tar.Header) error {
	u.folders = append(u.folders, header)
	info, err := u.root.Lstat(header.Name)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		if err := u.root.Remove(header.Name); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return u.root.Mkdir(header.Name, 0o755)
}

func (u *unpacker) file(name string, content io.Reader) error {
	file, err := u.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, content); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// attributes sets owner, mode, extended attributes and times, in this order: a
// new owner clears the set-user-ID bit and file capabilities (chown(2)).
func (u *unpacker) attributes(header *tar.Header) error {
	if err := u.root.Lchown(header.Name, header.Uid, header.Gid); err != nil {
		return err
	}
	if header.Typeflag == tar.TypeSymlink {
		return u.linkTime(header)
	}
	if err := u.root.Chmod(header.Name, header.FileInfo().Mode()); err != nil {
		return err
	}
	for key, value := range header.PAXRecords {
		attribute, ok := strings.CutPrefix(key, "SCHILY.xattr.")
		if !ok || !belongsToFile(attribute) {
			continue
		}
		if err := u.setAttribute(header.Name, attribute, value); err != nil {
			return fmt.Errorf("set the attribute %s: %w", attribute, err)
		}
	}
	return u.root.Chtimes(header.Name, time.Time{}, header.ModTime)
}

// linkTime sets the time of a symbolic link, which os.Root would follow.
func (u *unpacker) linkTime(header *tar.Header) error {
	folder, err := u.root.Open(path.Dir(header.Name))
	if err != nil {
		return err
	}
	defer folder.Close()
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(header.ModTime.UnixNano())}
	return unix.UtimesNanoAt(int(folder.Fd()), path.Base(header.Name), times, unix.AT_SYMLINK_NOFOLLOW)
}

// belongsToFile reports whether an extended attribute is the file's own, rather
// than of the machine that made the archive. Those of overlayfs would show other
// files in a container than the layer has (Documentation/filesystems/overlayfs.rst).
func belongsToFile(attribute string) bool {
	if attribute == "security.capability" {
		return true
	}
	return strings.HasPrefix(attribute, "user.") && !strings.HasPrefix(attribute, "user.overlay.")
}

func (u *unpacker) setAttribute(name, attribute, value string) error {
	file, err := u.root.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return unix.Fsetxattr(int(file.Fd()), attribute, []byte(value), 0)
}

// finish sets the times of the folders, the deepest first.
func (u *unpacker) finish() error {
	for index := len(u.folders) - 1; index >= 0; index-- {
		header := u.folders[index]
		err := u.root.Chtimes(filepath.FromSlash(header.Name), time.Time{}, header.ModTime)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a later entry may have replaced it
			return fmt.Errorf("%q: %w", header.Name, err)
		}
	}
	return nil
}
