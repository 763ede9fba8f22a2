package storage

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mytinydocker/final/users"
)

// Unpacker unpacks tar archives. An archive is hostile until proved otherwise:
// nothing in it changes anything outside of the folder it is unpacked into.
type Unpacker struct {
	// Driver says how to write down what a layer deletes from those below it. With
	// none, such an archive is refused.
	Driver Driver
	Limits Limits
	Users  users.Range // to whom the files will belong, if not to those of this machine
}

// Unpack unpacks an archive that is no layer, within the default limits.
func Unpack(archive io.Reader, target string) error { return Unpacker{}.Unpack(archive, target) }

// Unpack unpacks a tar archive into the folder target with modes, owners, times
// and extended attributes, and reads the archive to its end. Devices are left out:
// those of a container are in its /dev.
func (u Unpacker) Unpack(archive io.Reader, target string) error {
	limits, err := u.Limits.on(target)
	if err != nil {
		return err
	}
	tree, err := openTree(target)
	if err != nil {
		return err
	}
	defer tree.close()
	input := &limited{archive, limits.Bytes, limits.Bytes}
	unpacking := &unpacking{
		tree: tree, driver: u.Driver, users: u.Users, limits: limits, unpacked: limits.Bytes,
		folders: make(map[string]time.Time), hidden: make(map[string]bool), buffer: make([]byte, 1<<20),
	}
	if err := unpacking.all(tar.NewReader(input)); err != nil {
		return err
	}
	// The archive's end marker is not the end of what its digest covers.
	if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{input}, unpacking.buffer); err != nil {
		return fmt.Errorf("read what follows the archive: %w", err)
	}
	return nil
}

type unpacking struct {
	tree     *tree
	driver   Driver
	users    users.Range
	limits   Limits
	unpacked int64                // bytes of content that are still allowed
	folders  map[string]time.Time // are set last: unpacking into a folder changes its time
	hidden   map[string]bool      // names that the archive hides in lower layers
	buffer   []byte
}

func (u *unpacking) all(reader *tar.Reader) error {
	for entries := int64(1); ; entries++ {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return u.finish()
		}
		if err != nil {
			return fmt.Errorf("read the archive: %w", err)
		}
		if u.unpacked -= header.Size; header.Size < 0 || u.unpacked < 0 {
			return TooLargeError{u.limits.Bytes, "bytes"}
		}
		if entries > u.limits.Entries {
			return TooLargeError{u.limits.Entries, "entries"}
		}
		if err := u.entry(header, reader); err != nil {
			return fmt.Errorf("%q: %w", header.Name, err)
		}
	}
}

func (u *unpacking) entry(header *tar.Header, content io.Reader) error {
	if header.Typeflag == tar.TypeXGlobalHeader {
		return nil // of a commit, if git-archive(1) has made this
	}
	name, err := relative(header.Name)
	if err != nil {
		return err
	}
	if err := checkOwner(header); err != nil {
		return err
	}
	if err := u.toOutside(header); err != nil {
		return err
	}
	header.Name = name
	if name == "." {
		return u.root(header)
	}
	above, base := path.Dir(name), path.Base(name)
	if isInternal(name) {
		return nil
	}
	if strings.HasPrefix(above, whiteoutPrefix) || strings.Contains(above, "/"+whiteoutPrefix) {
		return errors.New("is inside of something that is deleted")
	}
	if err := u.revealFolders(above); err != nil {
		return err
	}
	parent, err := u.tree.folder(above)
	if err != nil {
		return err
	}
	if strings.HasPrefix(base, whiteoutPrefix) {
		return u.deletion(parent, above, base)
	}
	return u.create(parent, base, header, content)
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

// root takes the attributes of the root: it is a folder, whatever an archive says.
func (u *unpacking) root(header *tar.Header) error {
	if header.Typeflag != tar.TypeDir {
		return errors.New("the root can only be a folder")
	}
	u.folders["."] = header.ModTime
	return attributes(u.tree.root, header)
}

// finish sets the times of the folders that are left.
func (u *unpacking) finish() error {
	for name, modified := range u.folders {
		if err := u.setFolderTime(name, modified); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return nil
}

func (u *unpacking) setFolderTime(name string, modified time.Time) error {
	parent, err := u.tree.resolve(path.Dir(name))
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil // a later entry has replaced it
	}
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	return ignoreMissing(setTime(parent, path.Base(name), modified))
}
