package vm

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/u-root/u-root/pkg/cpio"
)

// Tree writes a root file system as an archive that a kernel unpacks when it
// boots (Documentation/driver-api/early-userspace/buffer-format.rst). Everything in
// it belongs to root, whoever makes it. Folders come before what is in them, and
// nothing twice: what is there stays.
type Tree struct {
	buffer *bufio.Writer
	cpio.RecordWriter
	has map[string]bool
}

// NewTree returns an empty one.
func NewTree(archive io.Writer) *Tree {
	buffer := bufio.NewWriterSize(archive, 1<<20)
	return &Tree{buffer: buffer, RecordWriter: cpio.Newc.Writer(buffer), has: map[string]bool{"/": true}}
}

// Close ends the archive.
func (t *Tree) Close() error {
	if err := cpio.WriteTrailer(t); err != nil {
		return fmt.Errorf("write the root: %w", err)
	}
	return t.buffer.Flush()
}

// add writes a record, and those of the folders above it, unless there is one.
func (t *Tree) add(target string, record cpio.Record) error {
	target = path.Clean("/" + target)
	if t.has[target] {
		return nil
	}
	if err := t.Folder(path.Dir(target), 0o755); err != nil {
		return err
	}
	t.has[target] = true
	record.Name = strings.TrimPrefix(target, "/")
	if err := t.WriteRecord(record); err != nil {
		return fmt.Errorf("write %s to the root: %w", target, err)
	}
	return nil
}

// Folder adds a folder.
func (t *Tree) Folder(target string, mode uint64) error {
	return t.add(target, cpio.Directory("", mode))
}

// Device adds a character device.
func (t *Tree) Device(target string, mode, major, minor uint64) error {
	return t.add(target, cpio.CharDev("", mode, major, minor))
}

// Text adds a file with this content.
func (t *Tree) Text(target, content string, mode uint64) error {
	return t.add(target, cpio.StaticFile("", content, mode))
}

// File adds a file with the content of source.
func (t *Tree) File(target, source string) error {
	file, err := os.Open(source)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return t.add(target, cpio.Record{
		ReaderAt: file,
		Info:     cpio.Info{Mode: cpio.S_IFREG | uint64(info.Mode().Perm()), FileSize: uint64(info.Size())},
	})
}

// Like adds source, a file or a link of this machine, below root under its own name,
// with whatever links lead there.
func (t *Tree) Like(root, source string) error {
	at := "/"
	for name := range strings.SplitSeq(strings.Trim(filepath.Clean(source), "/"), "/") {
		at = path.Join(at, name)
		info, err := os.Lstat(at)
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		to, err := os.Readlink(at)
		if err != nil {
			return err
		}
		if err := t.add(path.Join(root, at), cpio.Symlink("", to)); err != nil {
			return err
		}
		if !path.IsAbs(to) {
			to = path.Join(path.Dir(at), to)
		}
		return t.Like(root, path.Join(to, strings.TrimPrefix(filepath.Clean(source), at)))
	}
	return t.File(path.Join(root, at), at)
}

// Copy adds the files and folders below source, but for hidden ones and those that
// leave out is true for, which is given paths relative to source.
func (t *Tree) Copy(target, source string, leaveOut func(name string) bool) error {
	return filepath.WalkDir(source, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(source, name)
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(entry.Name(), ".") && relative != "."
		switch {
		case (hidden || leaveOut(relative)) && entry.IsDir():
			return filepath.SkipDir
		case hidden || leaveOut(relative):
			return nil
		case entry.IsDir():
			return t.Folder(path.Join(target, relative), 0o755)
		case !entry.Type().IsRegular():
			return nil
		}
		return t.File(path.Join(target, relative), name)
	})
}
