package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// copier is what cp was asked for.
type copier struct {
	recursive, preserve, links, force, verbose bool
}

func cp(args []string) error {
	flags := newFlags("cp")
	c := &copier{}
	archive := flags.BoolP("archive", "a", false, "as -R -p -P")
	flags.BoolVarP(&c.recursive, "recursive", "r", false, "folders, too")
	other := flags.BoolP("Recursive", "R", false, "folders, too")
	flags.BoolVarP(&c.preserve, "preserve", "p", false, "keep mode, owner and times")
	flags.BoolVarP(&c.links, "no-dereference", "P", false, "copy links as links")
	flags.BoolVarP(&c.force, "force", "f", false, "replace what cannot be written")
	flags.BoolVarP(&c.verbose, "verbose", "v", false, "say what is copied")
	if err := parse(flags, args, 2); err != nil {
		return err
	}
	c.recursive = c.recursive || *other || *archive
	c.preserve = c.preserve || *archive
	c.links = c.links || c.recursive
	sources, target := flags.Args()[:flags.NArg()-1], flags.Arg(flags.NArg()-1)
	into := false
	if info, err := os.Stat(target); err == nil {
		into = info.IsDir()
	}
	if !into && len(sources) > 1 {
		return fmt.Errorf("%s is no folder", target)
	}
	return each("cp", sources, func(source string) error {
		if into {
			return c.copy(source, filepath.Join(target, filepath.Base(source)))
		}
		return c.copy(source, target)
	})
}

// copy copies whatever source is.
func (c *copier) copy(source, target string) error {
	look := os.Stat
	if c.links {
		look = os.Lstat
	}
	info, err := look(source)
	if err != nil {
		return err
	}
	if c.verbose {
		fmt.Fprintf(out, "%s -> %s\n", source, target)
	}
	switch {
	case info.IsDir() && !c.recursive:
		return fmt.Errorf("%s is a folder: use -r", source)
	case info.IsDir():
		err = c.copyFolder(source, target, info)
	case info.Mode()&fs.ModeSymlink != 0:
		err = copyLink(source, target)
	case info.Mode().IsRegular():
		err = c.copyFile(source, target, info)
	default:
		stat := info.Sys().(*syscall.Stat_t)
		err = unix.Mknod(target, stat.Mode, int(stat.Rdev))
	}
	if err != nil || !c.preserve {
		return err
	}
	return keepAttributes(target, info)
}

func (c *copier) copyFolder(source, target string, info fs.FileInfo) error {
	if err := os.Mkdir(target, info.Mode().Perm()|0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	entries, err := os.ReadDir(source)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := c.copy(filepath.Join(source, entry.Name()), filepath.Join(target, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

func copyLink(source, target string) error {
	link, err := os.Readlink(source)
	if err != nil {
		return err
	}
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink(link, target)
}

func (c *copier) copyFile(source, target string, info fs.FileInfo) error {
	if there, err := os.Stat(target); err == nil && os.SameFile(info, there) {
		return fmt.Errorf("%s and %s are the same file", source, target)
	}
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, info.Mode().Perm())
	if err != nil && c.force {
		if err := os.Remove(target); err != nil {
			return err
		}
		to, err = os.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, info.Mode().Perm())
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// keepAttributes sets the owner first: a new owner clears set-user-ID bits.
func keepAttributes(target string, info fs.FileInfo) error {
	stat := info.Sys().(*syscall.Stat_t)
	if err := os.Lchown(target, int(stat.Uid), int(stat.Gid)); err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return nil
	}
	if err := os.Chmod(target, info.Mode()); err != nil {
		return err
	}
	return os.Chtimes(target, info.ModTime(), info.ModTime())
}
