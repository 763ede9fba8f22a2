package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

var statusApplets = map[string]applet{
	"stat": stat, "readlink": readlink, "realpath": realpath, "basename": basename, "dirname": dirname, "pwd": pwd,
}

func stat(args []string) error {
	flags := newFlags("stat")
	format := flags.StringP("format", "c", "", "what to print: %n %a %F %s %u %g %U %G %i %h %t %T %Y %y")
	follow := flags.BoolP("dereference", "L", false, "follow links")
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	if *format == "" {
		*format = "  File: %n\n  Size: %s\tLinks: %h\tInode: %i\t%F\nAccess: (%a)  Uid: (%u/%U)  Gid: (%g/%G)\nModify: %y"
	}
	return each("stat", flags.Args(), func(path string) error {
		var found unix.Stat_t
		look := unix.Lstat
		if *follow {
			look = unix.Stat
		}
		if err := look(path, &found); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		fmt.Println(statText(*format, path, &found))
		return nil
	})
}

func statText(format, path string, found *unix.Stat_t) string {
	values := []string{
		"%n", path, "%a", strconv.FormatUint(uint64(found.Mode&0o7777), 8), "%F", kindOf(found), "%s", strconv.FormatInt(found.Size, 10),
		"%u", strconv.Itoa(int(found.Uid)), "%g", strconv.Itoa(int(found.Gid)), "%U", userName(found.Uid), "%G", groupName(found.Gid),
		"%i", strconv.FormatUint(found.Ino, 10), "%h", fmt.Sprint(found.Nlink),
		"%t", strconv.FormatUint(uint64(unix.Major(found.Rdev)), 16), "%T", strconv.FormatUint(uint64(unix.Minor(found.Rdev)), 16),
		"%Y", strconv.FormatInt(found.Mtim.Sec, 10), "%y", time.Unix(found.Mtim.Unix()).Format("2006-01-02 15:04:05.000000000 -0700"),
		"%%", "%",
	}
	return strings.NewReplacer(values...).Replace(format)
}

func kindOf(found *unix.Stat_t) string {
	switch found.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		if found.Size == 0 {
			return "regular empty file"
		}
		return "regular file"
	case unix.S_IFDIR:
		return "directory"
	case unix.S_IFLNK:
		return "symbolic link"
	case unix.S_IFCHR:
		return "character special file"
	case unix.S_IFBLK:
		return "block special file"
	case unix.S_IFIFO:
		return "fifo"
	default:
		return "socket"
	}
}

func userName(id uint32) string {
	if found, err := user.LookupId(strconv.Itoa(int(id))); err == nil {
		return found.Username
	}
	return strconv.Itoa(int(id))
}

func groupName(id uint32) string {
	if found, err := user.LookupGroupId(strconv.Itoa(int(id))); err == nil {
		return found.Name
	}
	return strconv.Itoa(int(id))
}

func readlink(args []string) error {
	flags := newFlags("readlink")
	full := flags.BoolP("canonicalize", "f", false, "follow every link")
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	return each("readlink", flags.Args(), func(path string) error {
		read := os.Readlink
		if *full {
			read = canonical
		}
		target, err := read(path)
		if err != nil {
			return err
		}
		fmt.Println(target)
		return nil
	})
}

func realpath(args []string) error {
	return readlink(append([]string{"realpath", "-f"}, args[1:]...))
}

// canonical resolves all links; the last component need not exist.
func canonical(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	resolved, err := filepath.EvalSymlinks(absolute)
	if errors.Is(err, os.ErrNotExist) {
		folder, err := filepath.EvalSymlinks(filepath.Dir(absolute))
		return filepath.Join(folder, filepath.Base(absolute)), err
	}
	return resolved, err
}

func basename(args []string) error {
	if len(args) < 2 {
		return failure{2, errors.New("missing operand")}
	}
	name := filepath.Base(args[1])
	if len(args) > 2 && name != args[2] {
		name = strings.TrimSuffix(name, args[2])
	}
	fmt.Println(name)
	return nil
}

func dirname(args []string) error {
	if len(args) < 2 {
		return failure{2, errors.New("missing operand")}
	}
	fmt.Println(filepath.Dir(args[1]))
	return nil
}

func pwd([]string) error {
	folder, err := os.Getwd()
	if err != nil {
		return err
	}
	fmt.Println(folder)
	return nil
}
