package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/docker/go-units"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// lister is what ls was asked for.
type lister struct {
	all, almost, long, folders, recursive, human, inode, byTime, bySize, reverse, classify bool
	columns                                                                                int // width of the terminal; 0: one name a line
	out                                                                                    *tabwriter.Writer
}

func ls(args []string) error {
	flags := newFlags("ls")
	l := &lister{out: tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)}
	flags.BoolVarP(&l.all, "all", "a", false, "names that begin with a dot, too")
	flags.BoolVarP(&l.almost, "almost-all", "A", false, "as -a, without . and ..")
	flags.BoolVarP(&l.long, "long", "l", false, "mode, owner, size, time")
	flags.BoolVarP(&l.folders, "directory", "d", false, "folders themselves, not what is in them")
	flags.BoolVarP(&l.recursive, "recursive", "R", false, "what is in folders in folders, too")
	flags.BoolVarP(&l.human, "human-readable", "h", false, "sizes in units that fit")
	flags.BoolVarP(&l.inode, "inode", "i", false, "inode numbers")
	flags.BoolVarP(&l.byTime, "time", "t", false, "the newest first")
	flags.BoolVarP(&l.bySize, "size-sort", "S", false, "the largest first")
	flags.BoolVarP(&l.reverse, "reverse", "r", false, "the other way round")
	flags.BoolVarP(&l.classify, "classify", "F", false, "mark what is no plain file")
	single := flags.BoolP("one", "1", false, "one name a line")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	if width, _, err := term.GetSize(1); err == nil && !*single && !l.long {
		l.columns = width
	}
	operands := flags.Args()
	if len(operands) == 0 {
		operands = []string{"."}
	}
	return l.list(operands)
}

// list shows the operands: first those that are no folders, then what is in
// those that are.
func (l *lister) list(operands []string) error {
	var files []entry
	var folders []string
	err := each("ls", operands, func(path string) error {
		info, err := os.Lstat(path)
		if err == nil && info.Mode()&fs.ModeSymlink != 0 && !l.long && !l.folders {
			if target, err := os.Stat(path); err == nil && target.IsDir() {
				info = target
			}
		}
		switch {
		case err != nil:
			return err
		case info.IsDir() && !l.folders:
			folders = append(folders, path)
		default:
			files = append(files, entry{path, path, info})
		}
		return nil
	})
	l.show(files)
	for index, folder := range folders {
		if len(operands) > 1 || l.recursive {
			fmt.Fprintf(out, "%s%s:\n", strings.Repeat("\n", min(1, index+len(files))), folder)
		}
		if failed := each("ls", []string{folder}, l.folder); failed != nil {
			err = failed
		}
	}
	return err
}

// entry is one line of a listing.
type entry struct {
	name, path string
	info       fs.FileInfo
}

func (l *lister) folder(path string) error {
	found, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	var entries []entry
	names := []string{}
	if l.all {
		names = append(names, ".", "..")
	}
	for _, one := range found {
		if l.all || l.almost || !strings.HasPrefix(one.Name(), ".") {
			names = append(names, one.Name())
		}
	}
	for _, name := range names {
		if info, err := os.Lstat(filepath.Join(path, name)); err == nil { // it may have gone
			entries = append(entries, entry{name, filepath.Join(path, name), info})
		}
	}
	l.show(entries)
	for _, one := range entries {
		if l.recursive && one.info.IsDir() && one.name != "." && one.name != ".." {
			fmt.Fprintf(out, "\n%s:\n", one.path)
			if err := l.folder(one.path); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lister) show(entries []entry) {
	slices.SortStableFunc(entries, func(a, b entry) int {
		result := strings.Compare(a.name, b.name)
		switch {
		case l.byTime:
			result = b.info.ModTime().Compare(a.info.ModTime())
		case l.bySize:
			result = cmp.Compare(b.info.Size(), a.info.Size())
		}
		if l.reverse {
			return -result
		}
		return result
	})
	switch {
	case l.long:
		for _, one := range entries {
			fmt.Fprintln(l.out, l.line(one))
		}
		_ = l.out.Flush() // into out, whose error main reports
	case l.columns > 0:
		l.showColumns(entries)
	default:
		for _, one := range entries {
			fmt.Fprintln(out, l.short(one))
		}
	}
}

func (l *lister) showColumns(entries []entry) {
	widest := 0
	for _, one := range entries {
		widest = max(widest, len(l.short(one))+2)
	}
	perLine := max(1, l.columns/max(1, widest))
	lines := (len(entries) + perLine - 1) / perLine
	for line := range lines {
		var text strings.Builder
		for place := line; place < len(entries); place += lines {
			fmt.Fprintf(&text, "%-*s", widest, l.short(entries[place]))
		}
		fmt.Fprintln(out, strings.TrimRight(text.String(), " "))
	}
}

// short is the name of an entry with what was asked for around it.
func (l *lister) short(one entry) string {
	name := one.name
	if l.inode {
		name = fmt.Sprintf("%d %s", one.info.Sys().(*syscall.Stat_t).Ino, name)
	}
	mode := one.info.Mode()
	switch {
	case !l.classify:
	case mode.IsDir():
		name += "/"
	case mode&fs.ModeSymlink != 0:
		name += "@"
	case mode.IsRegular() && mode&0o111 != 0:
		name += "*"
	}
	return name
}

func (l *lister) line(one entry) string {
	stat := one.info.Sys().(*syscall.Stat_t)
	size := fmt.Sprint(one.info.Size())
	switch {
	case one.info.Mode()&fs.ModeDevice != 0:
		size = fmt.Sprintf("%d, %d", unix.Major(stat.Rdev), unix.Minor(stat.Rdev))
	case l.human:
		size = units.BytesSize(float64(one.info.Size()))
	}
	when := one.info.ModTime().Format("Jan _2 15:04")
	if time.Since(one.info.ModTime()) > 180*24*time.Hour {
		when = one.info.ModTime().Format("Jan _2  2006")
	}
	name := l.short(one)
	if target, err := os.Readlink(one.path); err == nil {
		name += " -> " + target
	}
	return fmt.Sprintf("%s\t%d\t%s\t%s\t%s\t%s %s", modeText(stat.Mode), stat.Nlink, userName(stat.Uid), groupName(stat.Gid), size, when, name)
}

// modeText is a mode as ls prints it; Go's own text puts the special bits first.
func modeText(mode uint32) string {
	kinds := map[uint32]byte{
		unix.S_IFDIR: 'd', unix.S_IFLNK: 'l', unix.S_IFCHR: 'c', unix.S_IFBLK: 'b', unix.S_IFIFO: 'p', unix.S_IFSOCK: 's', unix.S_IFREG: '-',
	}
	text := []byte{kinds[mode&unix.S_IFMT]}
	for bit := 8; bit >= 0; bit-- {
		letter := byte('-')
		if mode&(1<<bit) != 0 {
			letter = "xwr"[bit%3]
		}
		text = append(text, letter)
	}
	for place, special := range map[int]struct {
		bit           uint32
		with, without byte
	}{3: {unix.S_ISUID, 's', 'S'}, 6: {unix.S_ISGID, 's', 'S'}, 9: {unix.S_ISVTX, 't', 'T'}} {
		switch {
		case mode&special.bit == 0:
		case text[place] == 'x':
			text[place] = special.with
		default:
			text[place] = special.without
		}
	}
	return string(text)
}
