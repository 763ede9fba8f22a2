package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// archive writes all that there is in a folder as a tar archive. Others may be
// writing to the folder: os.Root keeps us inside, whatever they put in the way, and
// what they delete or replace before it is read is left out. So are devices and
// sockets, with a warning: an image has none.
func archive(folder *os.Root, to io.Writer) error {
	a := &archiver{tar.NewWriter(to), make(map[inode]string)}
	if err := a.addFolder(folder, "."); err != nil {
		return err
	}
	return a.writer.Close()
}

type archiver struct {
	writer *tar.Writer
	packed map[inode]string // the first name of each file that has several
}

type inode struct{ device, number uint64 }

// addFolder packs a folder, which is called name in the archive, and all that is
// in it.
func (a *archiver) addFolder(folder *os.Root, name string) error {
	self, err := folder.Open(".")
	if err != nil {
		return err
	}
	defer self.Close()
	info, err := self.Stat()
	if err != nil {
		return err
	}
	if err := a.writeHeader(info, name, "", self); err != nil {
		return err
	}
	entries, err := self.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := a.add(folder, entry.Name(), path.Join(name, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// add packs what is called entry in a folder, unless it has gone.
func (a *archiver) add(folder *os.Root, entry, name string) error {
	before, err := folder.Lstat(entry)
	if err == nil {
		err = a.addEntry(folder, entry, name, before)
	}
	if err == nil {
		return nil
	}
	after, gone := folder.Lstat(entry)
	if errors.Is(gone, os.ErrNotExist) || gone == nil && !os.SameFile(before, after) {
		return nil
	}
	return fmt.Errorf("pack %q: %w", name, err)
}

func (a *archiver) addEntry(folder *os.Root, entry, name string, info os.FileInfo) error {
	switch info.Mode().Type() {
	case fs.ModeDir:
		below, err := folder.OpenRoot(entry)
		if err != nil {
			return err
		}
		defer below.Close()
		return a.addFolder(below, name)
	case 0:
		return a.addFile(folder, entry, name)
	case fs.ModeSymlink:
		target, err := folder.Readlink(entry)
		if err != nil {
			return err
		}
		return a.writeHeader(info, name, target, nil)
	case fs.ModeNamedPipe:
		return a.writeHeader(info, name, "", nil)
	default:
		logrus.Warnf("%q is left out: an image has no devices and no sockets", name)
		return nil
	}
}

// addFile packs a file as long as it was when it was opened. A name of a file that
// has been packed under another is packed as a hard link to that.
func (a *archiver) addFile(folder *os.Root, entry, name string) error {
	file, err := folder.OpenFile(entry, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return os.ErrNotExist
	}
	stat := info.Sys().(*syscall.Stat_t)
	key := inode{stat.Dev, stat.Ino}
	if first, ok := a.packed[key]; ok {
		return a.writer.WriteHeader(&tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: first})
	}
	if err := a.writeHeader(info, name, "", file); err != nil {
		return err
	}
	if stat.Nlink > 1 {
		a.packed[key] = name
	}
	written, err := io.CopyN(a.writer, file, info.Size())
	if errors.Is(err, io.EOF) { // it has shrunk, and the header has promised more
		_, err = io.CopyN(a.writer, zeros{}, info.Size()-written)
	}
	return err
}

// zeros has as many zero bytes as somebody wants.
type zeros struct{}

func (zeros) Read(buffer []byte) (int, error) {
	clear(buffer)
	return len(buffer), nil
}

// writeHeader writes what there is to say of a file. Its format is PAX, for times
// are seconds in the others. Names of users are those of the host, and are left out.
func (a *archiver) writeHeader(info os.FileInfo, name, target string, file *os.File) error {
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	header.Name, header.Uname, header.Gname = name, "", ""
	if info.IsDir() {
		header.Name += "/"
	}
	header.Format, header.AccessTime, header.ChangeTime = tar.FormatPAX, time.Time{}, time.Time{}
	if file != nil {
		if header.PAXRecords, err = attributes(file); err != nil {
			return err
		}
	}
	return a.writer.WriteHeader(header)
}
