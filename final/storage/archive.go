package storage

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// archive writes files into a tar archive. The same files make the same archive,
// byte for byte: it holds no more than what they are, in the order that the
// caller gives. Sockets and devices are left out.
type archive struct {
	writer *tar.Writer
	links  map[[2]uint64]string // device and inode of a file that has more names
	own    func(*tar.Header)    // changes who owns a file, if it is not nil
	buffer []byte
}

func newArchive(out io.Writer) *archive {
	return &archive{writer: tar.NewWriter(out), links: make(map[[2]uint64]string), buffer: make([]byte, 1<<18)}
}

func (a *archive) close() error { return a.writer.Close() }

// root writes a folder as the root of the archive.
func (a *archive) root(folder int) error {
	root := &entry{name: "."}
	if err := unix.Fstat(folder, &root.stat); err != nil {
		return err
	}
	return a.add(".", folder, root)
}

// add writes the entry of a folder, under a name, and nothing for one that has
// been removed meanwhile.
func (a *archive) add(name string, folder int, entry *entry) error {
	header := a.header(name, &entry.stat)
	var err error
	switch entry.stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		header.Typeflag, header.Name = tar.TypeDir, name+"/"
		err = a.folder(header, folder, entry)
	case unix.S_IFREG:
		err = a.file(header, folder, entry)
	case unix.S_IFLNK:
		header.Typeflag = tar.TypeSymlink
		if header.Linkname, err = readLink(folder, entry.name); err == nil {
			err = a.writer.WriteHeader(header)
		}
	case unix.S_IFIFO:
		header.Typeflag = tar.TypeFifo
		err = a.writer.WriteHeader(header)
	}
	return ignoreMissing(err)
}

func (a *archive) header(name string, stat *unix.Stat_t) *tar.Header {
	header := newHeader(name, stat)
	if a.own != nil {
		a.own(header)
	}
	return header
}

func newHeader(name string, stat *unix.Stat_t) *tar.Header {
	return &tar.Header{
		Name: name, Mode: int64(stat.Mode & 0o7777), Uid: int(stat.Uid), Gid: int(stat.Gid),
		ModTime: time.Unix(stat.Mtim.Unix()), Format: tar.FormatPAX,
	}
}

func (a *archive) folder(header *tar.Header, folder int, entry *entry) error {
	descriptor, err := openFolder(folder, entry.name)
	if err != nil {
		return err
	}
	defer unix.Close(descriptor)
	if header.PAXRecords, err = attributeRecords(descriptor); err != nil {
		return err
	}
	return a.writer.WriteHeader(header)
}

// file writes a regular file, or a link to it if it is already in the archive
// under another name.
func (a *archive) file(header *tar.Header, folder int, entry *entry) error {
	inode := [2]uint64{entry.stat.Dev, entry.stat.Ino}
	if first, ok := a.links[inode]; ok {
		header.Typeflag, header.Linkname = tar.TypeLink, first
		return a.writer.WriteHeader(header)
	}
	// What was a file may be a pipe by now: O_NONBLOCK does not wait for its writer.
	descriptor, err := unix.Openat(folder, entry.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(descriptor), entry.name)
	defer file.Close()
	var stat unix.Stat_t
	if err := unix.Fstat(descriptor, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return errors.New("it has become something else meanwhile")
	}
	*header = *a.header(header.Name, &stat)
	header.Typeflag, header.Size = tar.TypeReg, stat.Size
	if header.PAXRecords, err = attributeRecords(descriptor); err != nil {
		return err
	}
	if stat.Nlink > 1 {
		a.links[inode] = header.Name
	}
	if err := a.writer.WriteHeader(header); err != nil {
		return err
	}
	return a.content(file, stat.Size)
}

func (a *archive) content(file io.Reader, size int64) error {
	// The fields of this literal hide the methods of os.File, and with them the
	// attempts of io.Copy to have the kernel copy, which a tar.Writer is not for.
	written, err := io.CopyBuffer(struct{ io.Writer }{a.writer}, struct{ io.Reader }{io.LimitReader(file, size)}, a.buffer)
	if err == nil && written < size {
		return fmt.Errorf("it was cut to %d of its %d bytes while it was read", written, size)
	}
	return err
}

// whiteout writes the mark of a deletion.
func (a *archive) whiteout(name string) error {
	return a.writer.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: name, Mode: 0o644, ModTime: time.Unix(0, 0), Format: tar.FormatPAX,
	})
}

// attributeRecords returns those extended attributes that belong to a file, as
// records of a tar archive.
func attributeRecords(descriptor int) (map[string]string, error) {
	names, err := listAttributes(descriptor)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	if err := refuseReferences(names); err != nil {
		return nil, err
	}
	records := make(map[string]string)
	for _, name := range names {
		if !belongsToFile(name) {
			continue
		}
		value, err := getAttribute(descriptor, name)
		if err != nil {
			return nil, fmt.Errorf("read the attribute %s: %w", name, err)
		}
		records[attributePrefix+name] = string(value)
	}
	return records, nil
}

func listAttributes(descriptor int) ([]string, error) {
	// 64 KiB are the most there can be, xattr(7).
	var buffer [1 << 16]byte
	count, err := unix.Flistxattr(descriptor, buffer[:])
	if errors.Is(err, unix.ENOTSUP) || count == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list its attributes: %w", err)
	}
	return strings.Split(strings.TrimSuffix(string(buffer[:count]), "\x00"), "\x00"), nil
}

func getAttribute(descriptor int, name string) ([]byte, error) {
	var buffer [1 << 16]byte
	count, err := unix.Fgetxattr(descriptor, name, buffer[:])
	if err != nil {
		return nil, err
	}
	return append([]byte(nil), buffer[:count]...), nil
}

// readLink returns what a symbolic link holds.
func readLink(folder int, name string) (string, error) {
	buffer := make([]byte, unix.PathMax)
	count, err := unix.Readlinkat(folder, name, buffer)
	if err != nil {
		return "", err
	}
	return string(buffer[:count]), nil
}
