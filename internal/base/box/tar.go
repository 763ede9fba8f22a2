package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// archiver is what tar was asked for.
type archiver struct {
	create, extract, list, compressed, verbose bool
	file, folder                               string
}

// pack makes, lists and unpacks archives: tar c|x|t[z][v][f FILE] [-C FOLDER] [FILE...].
func pack(args []string) error {
	if len(args) > 1 && !strings.HasPrefix(args[1], "-") {
		args[1] = "-" + args[1]
	}
	flags := newFlags("tar")
	a := &archiver{}
	flags.BoolVarP(&a.create, "create", "c", false, "make an archive")
	flags.BoolVarP(&a.extract, "extract", "x", false, "unpack an archive")
	flags.BoolVarP(&a.list, "list", "t", false, "list an archive")
	flags.BoolVarP(&a.compressed, "gzip", "z", false, "a compressed one")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "say which files")
	flags.StringVarP(&a.file, "file", "f", "-", "the archive")
	flags.StringVarP(&a.folder, "directory", "C", ".", "from or to this folder")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	switch {
	case a.create:
		return a.make(flags.Args())
	case a.extract || a.list:
		return withInput(a.file, a.read)
	default:
		return failure{2, errors.New("say what to do: -c, -x or -t")}
	}
}

func (a *archiver) make(paths []string) (err error) {
	if len(paths) == 0 {
		return failure{2, errors.New("refuse to make an empty archive")}
	}
	var target io.WriteCloser = os.Stdout
	if a.file != "-" {
		if target, err = os.Create(a.file); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if a.compressed {
		compressor := gzip.NewWriter(target)
		defer func() { err = errors.Join(err, compressor.Close()) }()
		return a.write(tar.NewWriter(compressor), paths)
	}
	return a.write(tar.NewWriter(target), paths)
}

func (a *archiver) write(writer *tar.Writer, paths []string) error {
	for _, path := range paths {
		err := filepath.WalkDir(filepath.Join(a.folder, path), func(found string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			name, err := filepath.Rel(a.folder, found)
			if err != nil {
				return err
			}
			return a.writeEntry(writer, found, name, entry)
		})
		if err != nil {
			return err
		}
	}
	return writer.Close()
}

func (a *archiver) writeEntry(writer *tar.Writer, path, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(path); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	header.Name = strings.TrimLeft(name, "/")
	if info.IsDir() {
		header.Name += "/"
	}
	if a.verbose {
		fmt.Fprintln(os.Stderr, header.Name)
	}
	if err := writer.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	return withInput(path, func(in io.Reader) error {
		_, err := io.Copy(writer, in)
		return err
	})
}

// read lists or unpacks an archive; it sees for itself whether it is compressed.
func (a *archiver) read(in io.Reader) error {
	in, err := decompressed(in)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(a.folder)
	if err != nil {
		return err
	}
	defer root.Close()
	reader := tar.NewReader(in)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if a.list || a.verbose {
			fmt.Fprintln(out, header.Name)
		}
		if a.extract {
			if err := unpackEntry(root, header, reader); err != nil {
				return fmt.Errorf("%s: %w", header.Name, err)
			}
		}
	}
}

// unpackEntry unpacks into root and, thanks to os.Root, nowhere else.
func unpackEntry(root *os.Root, header *tar.Header, content io.Reader) error {
	name := filepath.Clean(strings.TrimLeft(header.Name, "/"))
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	mode := header.FileInfo().Mode()
	switch header.Typeflag {
	case tar.TypeDir:
		if err := root.Mkdir(name, mode.Perm()); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	case tar.TypeReg:
		file, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode.Perm())
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
	case tar.TypeSymlink:
		return root.Symlink(header.Linkname, name)
	case tar.TypeLink:
		return root.Link(filepath.Clean(header.Linkname), name)
	default:
		return errors.New("not a file, folder or link")
	}
	if os.Geteuid() == 0 {
		if err := root.Chown(name, header.Uid, header.Gid); err != nil {
			return err
		}
	}
	if err := root.Chmod(name, mode); err != nil {
		return err
	}
	return root.Chtimes(name, header.ModTime, header.ModTime)
}
