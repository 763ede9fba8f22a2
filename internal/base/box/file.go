package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/u-root/u-root/pkg/core"
	"github.com/u-root/u-root/pkg/core/mkdir"
	"github.com/u-root/u-root/pkg/core/mktemp"
	"github.com/u-root/u-root/pkg/core/mv"
	"github.com/u-root/u-root/pkg/core/touch"
	"golang.org/x/sys/unix"
)

var fileApplets = map[string]applet{
	"cat": cat, "chmod": chmod, "cp": cp, "find": find, "du": du, "dd": dd, "ls": ls, "mkdir": of(mkdir.New),
	"mktemp": of(mktemp.New), "mv": of(mv.New), "rm": rm, "touch": of(touch.New),
	"rmdir": rmdir, "ln": ln, "chown": chown, "truncate": truncate, "sync": func([]string) error { unix.Sync(); return nil },
}

// of makes an applet of a command of u-root.
func of(construct func() core.Command) applet {
	return func(args []string) error {
		command := construct()
		// A mistake brings pages of usage there; the error says it in a line.
		command.SetIO(os.Stdin, os.Stdout, io.Discard)
		command.SetLookupEnv(os.LookupEnv)
		folder, err := os.Getwd()
		if err != nil {
			return err
		}
		command.SetWorkingDir(folder)
		return command.Run(args[1:]...)
	}
}

// each does something with every operand; one that fails does not keep the
// others from being tried.
func each(name string, operands []string, do func(operand string) error) error {
	failed := false
	for _, operand := range operands {
		if err := do(operand); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			failed = true
		}
	}
	if failed {
		return exitStatus(1)
	}
	return nil
}

func rmdir(args []string) error {
	flags := newFlags("rmdir")
	parents := flags.BoolP("parents", "p", false, "remove the folders above as well")
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	return each("rmdir", flags.Args(), func(path string) error {
		for {
			if err := unix.Rmdir(path); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			path = filepath.Dir(path)
			if !*parents || path == "." || path == "/" {
				return nil
			}
		}
	})
}

func ln(args []string) error {
	flags := newFlags("ln")
	symbolic := flags.BoolP("symbolic", "s", false, "make symbolic links")
	force := flags.BoolP("force", "f", false, "replace what is there")
	plain := flags.BoolP("no-dereference", "n", false, "take a link to a folder for a file")
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	targets, last := flags.Args(), "."
	if len(targets) > 1 {
		targets, last = targets[:len(targets)-1], targets[len(targets)-1]
	}
	return each("ln", targets, func(target string) error {
		path := last
		look := os.Stat
		if *plain {
			look = os.Lstat
		}
		if info, err := look(path); err == nil && info.IsDir() {
			path = filepath.Join(path, filepath.Base(target))
		}
		if *force {
			if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
				return err
			}
		}
		if *symbolic {
			return os.Symlink(target, path)
		}
		return os.Link(target, path)
	})
}

func chown(args []string) error {
	flags := newFlags("chown")
	recursive := flags.BoolP("recursive", "R", false, "everything below folders as well")
	plain := flags.BoolP("no-dereference", "h", false, "links themselves")
	if err := parse(flags, args, 2); err != nil {
		return err
	}
	uid, gid, err := owner(flags.Arg(0))
	if err != nil {
		return err
	}
	change := os.Chown
	if *plain || *recursive {
		change = os.Lchown
	}
	return each("chown", flags.Args()[1:], func(path string) error {
		if !*recursive {
			return change(path, uid, gid)
		}
		return filepath.WalkDir(path, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return change(path, uid, gid)
		})
	})
}

// owner parses USER, USER:GROUP or :GROUP, names or numbers. -1 is no change.
func owner(text string) (uid, gid int, err error) {
	name, group, _ := strings.Cut(text, ":")
	uid, gid = -1, -1
	if name != "" {
		if uid, err = strconv.Atoi(name); err != nil {
			found, err := user.Lookup(name)
			if err != nil {
				return 0, 0, err
			}
			uid, _ = strconv.Atoi(found.Uid)
		}
	}
	if group != "" {
		if gid, err = strconv.Atoi(group); err != nil {
			found, err := user.LookupGroup(group)
			if err != nil {
				return 0, 0, err
			}
			gid, _ = strconv.Atoi(found.Gid)
		}
	}
	return uid, gid, nil
}

func truncate(args []string) error {
	flags := newFlags("truncate")
	size := flags.StringP("size", "s", "", "size in bytes, or with K, M, G")
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	length, err := bytesOf(*size)
	if err != nil {
		return err
	}
	return each("truncate", flags.Args(), func(path string) error {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil {
			return err
		}
		defer file.Close()
		return file.Truncate(length)
	})
}
