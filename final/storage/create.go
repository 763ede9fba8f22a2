package storage

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// create makes an entry with everything that belongs to it. It replaces an earlier
// one of its name, but for a folder, which stays what it was and keeps what it has.
func (u *unpacking) create(parent int, base string, header *tar.Header, content io.Reader) error {
	revealed, err := u.reveal(parent, base, header.Name)
	if err != nil {
		return err
	}
	if header.Typeflag != tar.TypeDir {
		delete(u.folders, header.Name)
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return u.folder(parent, base, header, revealed)
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		return u.file(parent, base, header, content)
	case tar.TypeSymlink:
		err := u.replacing(parent, base, func() error { return unix.Symlinkat(header.Linkname, parent, base) })
		return u.decorate(err, parent, base, header)
	case tar.TypeFifo:
		err := u.replacing(parent, base, func() error { return unix.Mknodat(parent, base, unix.S_IFIFO|0o600, 0) })
		return u.decorate(err, parent, base, header)
	case tar.TypeLink:
		return u.link(parent, base, header)
	case tar.TypeChar, tar.TypeBlock:
		return u.tree.remove(parent, base)
	default:
		return fmt.Errorf("entries of type %q are not for an image", header.Typeflag)
	}
}

// replacing does what makes a file, a second time if something has to be removed
// first.
func (u *unpacking) replacing(parent int, base string, do func() error) error {
	err := do()
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	if err := u.tree.remove(parent, base); err != nil {
		return err
	}
	return do()
}

func (u *unpacking) decorate(err error, parent int, base string, header *tar.Header) error {
	if err != nil {
		return err
	}
	if err := attributesAt(parent, base, header); err != nil {
		return err
	}
	return setTime(parent, base, header.ModTime)
}

func (u *unpacking) folder(parent int, base string, header *tar.Header, replaces bool) error {
	folder, err := openFolder(parent, base)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		err = u.replacing(parent, base, func() error { return unix.Mkdirat(parent, base, 0o700) })
		if err == nil {
			folder, err = openFolder(parent, base)
		}
	}
	if err != nil {
		return err
	}
	defer unix.Close(folder)
	if replaces {
		if err := u.driver.seal(folder); err != nil {
			return err
		}
	}
	u.folders[header.Name] = header.ModTime
	return attributes(folder, header)
}

// link makes another name for an entry of the archive. A link to a link is one to
// the link itself.
func (u *unpacking) link(parent int, base string, header *tar.Header) error {
	old, err := relative(header.Linkname)
	if err != nil {
		return err
	}
	if old == header.Name {
		return nil // a name for itself
	}
	folder, err := u.tree.resolve(path.Dir(old))
	if err != nil {
		return fmt.Errorf("link to %q: %w", header.Linkname, err)
	}
	defer unix.Close(folder)
	var stat unix.Stat_t
	if err := unix.Fstatat(folder, path.Base(old), &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("link to %q: %w", header.Linkname, err)
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFLNK, unix.S_IFIFO:
	default:
		return fmt.Errorf("link to %q: it is no file", header.Linkname)
	}
	err = u.replacing(parent, base, func() error { return unix.Linkat(folder, path.Base(old), parent, base, 0) })
	if err != nil {
		return fmt.Errorf("link to %q: %w", header.Linkname, err)
	}
	return nil
}

func (u *unpacking) file(parent int, base string, header *tar.Header, content io.Reader) error {
	file := -1
	err := u.replacing(parent, base, func() (err error) {
		file, err = unix.Openat(parent, base, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	err = u.fill(file, header, content)
	if err == nil {
		err = attributes(file, header)
	}
	if err := errors.Join(err, unix.Close(file)); err != nil {
		return err
	}
	return setTime(parent, base, header.ModTime)
}

// fill writes the content of a file. The holes of a sparse one stay holes.
func (u *unpacking) fill(file int, header *tar.Header, content io.Reader) error {
	if isSparse(header) {
		return u.fillSparse(file, header.Size, content)
	}
	for {
		count, err := content.Read(u.buffer)
		if err := writeAll(file, u.buffer[:count]); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func writeAll(file int, content []byte) error {
	for len(content) > 0 {
		count, err := unix.Write(file, content)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		content = content[count:]
	}
	return nil
}

// isSparse reports whether an entry is written in one of the forms of GNU tar that
// leave holes out.
func isSparse(header *tar.Header) bool {
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return header.Typeflag == tar.TypeGNUSparse
}

// fillSparse skips what is zero, in blocks.
func (u *unpacking) fillSparse(file int, size int64, content io.Reader) error {
	for offset := int64(0); ; {
		count, err := io.ReadFull(content, u.buffer[:1<<16])
		if block := u.buffer[:count]; !isZero(block) {
			if _, err := unix.Seek(file, offset, 0); err != nil {
				return err
			}
			if err := writeAll(file, block); err != nil {
				return err
			}
		}
		offset += int64(count)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			if offset != size {
				return io.ErrUnexpectedEOF
			}
			return unix.Ftruncate(file, size)
		}
		if err != nil {
			return err
		}
	}
}

func isZero(block []byte) bool {
	for _, value := range block {
		if value != 0 {
			return false
		}
	}
	return true
}
