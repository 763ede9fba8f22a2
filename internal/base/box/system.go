package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/docker/go-units"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

var systemApplets = map[string]applet{
	"hostname": hostname, "uname": uname, "mount": mount, "umount": umount, "df": df, "free": free, "tty": tty, "stty": stty,
	"chroot": chroot, "mknod": mknod,
}

func hostname(args []string) error {
	if len(args) > 1 {
		return unix.Sethostname([]byte(args[1]))
	}
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	fmt.Println(name)
	return nil
}

func uname(args []string) error {
	flags := newFlags("uname")
	all := flags.BoolP("all", "a", false, "everything")
	letters := "snrvm"
	wanted := make(map[rune]*bool)
	for _, letter := range letters {
		wanted[letter] = flags.BoolP("field-"+string(letter), string(letter), false, "one field")
	}
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return err
	}
	var fields []string
	for index, field := range [][65]byte{name.Sysname, name.Nodename, name.Release, name.Version, name.Machine} {
		if *all || *wanted[rune(letters[index])] {
			fields = append(fields, unix.ByteSliceToString(field[:]))
		}
	}
	if len(fields) == 0 {
		fields = []string{unix.ByteSliceToString(name.Sysname[:])}
	}
	fmt.Println(strings.Join(fields, " "))
	return nil
}

var mountFlags = map[string]uintptr{
	"ro": unix.MS_RDONLY, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC, "remount": unix.MS_REMOUNT,
	"bind": unix.MS_BIND, "rbind": unix.MS_BIND | unix.MS_REC, "private": unix.MS_PRIVATE, "rprivate": unix.MS_PRIVATE | unix.MS_REC,
	"shared": unix.MS_SHARED, "rshared": unix.MS_SHARED | unix.MS_REC, "slave": unix.MS_SLAVE, "rslave": unix.MS_SLAVE | unix.MS_REC,
	"noatime": unix.MS_NOATIME, "relatime": unix.MS_RELATIME, "rw": 0, "defaults": 0,
}

func mount(args []string) error {
	flags := newFlags("mount")
	kind := flags.StringP("types", "t", "", "type of file system")
	options := flags.StringSliceP("options", "o", nil, "options")
	bind := flags.BoolP("bind", "B", false, "bind a folder to another place")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return listMounts()
	}
	if *bind {
		*options = append(*options, "bind")
	}
	var set uintptr
	var data []string
	for _, option := range *options {
		if flag, ok := mountFlags[option]; ok {
			set |= flag
		} else {
			data = append(data, option)
		}
	}
	source, target := flags.Arg(0), flags.Arg(flags.NArg()-1)
	if err := unix.Mount(source, target, *kind, set, strings.Join(data, ",")); err != nil {
		return fmt.Errorf("%s on %s: %w", source, target, err)
	}
	return nil
}

func listMounts() error {
	mounts, err := mountinfo.GetMounts(nil)
	for _, mount := range mounts {
		fmt.Printf("%s on %s type %s (%s)\n", mount.Source, mount.Mountpoint, mount.FSType, mount.Options)
	}
	return err
}

func umount(args []string) error {
	flags := newFlags("umount")
	lazy := flags.BoolP("lazy", "l", false, "even if it is in use")
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	how := 0
	if *lazy {
		how = unix.MNT_DETACH
	}
	return each("umount", flags.Args(), func(path string) error {
		if err := unix.Unmount(path, how); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
}

// df shows how full file systems are: those of its operands, or all that have a
// size.
func df(args []string) error {
	flags := newFlags("df")
	human := flags.BoolP("human-readable", "h", false, "units that fit")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		return err
	}
	paths := flags.Args()
	if len(paths) == 0 {
		for _, mount := range mounts {
			paths = append(paths, mount.Mountpoint)
		}
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SIZE\tUSED\tAVAILABLE\tUSE%\tFOLDER")
	for _, path := range paths {
		var stat unix.Statfs_t
		if err := unix.Statfs(path, &stat); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if stat.Blocks == 0 {
			continue
		}
		size := func(blocks uint64) string {
			if *human {
				return units.BytesSize(float64(blocks * uint64(stat.Bsize)))
			}
			return fmt.Sprint(blocks * uint64(stat.Bsize) / 1024)
		}
		used := stat.Blocks - stat.Bfree
		fmt.Fprintf(table, "%s\t%s\t%s\t%d%%\t%s\n", size(stat.Blocks), size(used), size(stat.Bavail), 100*used/stat.Blocks, path)
	}
	return table.Flush()
}

func free([]string) error {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return err
	}
	unit := uint64(info.Unit) // sizes are in these, sysinfo(2)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tTOTAL\tUSED\tFREE")
	for name, sizes := range map[string][2]uint64{"Memory:": {info.Totalram, info.Freeram}} {
		total, left := sizes[0]*unit, sizes[1]*unit
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", name, units.BytesSize(float64(total)), units.BytesSize(float64(total-left)), units.BytesSize(float64(left)))
	}
	return table.Flush()
}

func tty([]string) error {
	name, err := os.Readlink("/proc/self/fd/0")
	if _, errno := unix.IoctlGetTermios(0, unix.TCGETS); err != nil || errno != nil {
		fmt.Println("not a tty")
		return exitStatus(1)
	}
	fmt.Println(name)
	return nil
}

// stty knows `stty size`, and the modes echo, raw and sane.
func stty(args []string) error {
	if len(args) == 2 && args[1] == "size" {
		size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
		if err != nil {
			return err
		}
		fmt.Println(size.Row, size.Col)
		return nil
	}
	modes, err := unix.IoctlGetTermios(0, unix.TCGETS)
	if err != nil {
		return err
	}
	for _, mode := range args[1:] {
		switch mode {
		case "echo":
			modes.Lflag |= unix.ECHO
		case "-echo":
			modes.Lflag &^= unix.ECHO
		case "raw":
			modes.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG
		case "sane", "-raw":
			modes.Lflag |= unix.ECHO | unix.ICANON | unix.ISIG
		default:
			return failure{2, fmt.Errorf("unknown mode %q", mode)}
		}
	}
	return unix.IoctlSetTermios(0, unix.TCSETS, modes)
}

func chroot(args []string) error {
	if len(args) < 2 {
		return failure{2, errors.New("missing folder")}
	}
	if err := unix.Chroot(args[1]); err != nil {
		return fmt.Errorf("%s: %w", args[1], err)
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	if len(args) == 2 {
		return replaceBy([]string{"sh"})
	}
	return replaceBy(args[2:])
}

// mknod makes a device or a fifo: mknod PATH c|b MAJOR MINOR, or mknod PATH p.
func mknod(args []string) error {
	kinds := map[string]uint32{"c": unix.S_IFCHR, "b": unix.S_IFBLK, "p": unix.S_IFIFO}
	var major, minor uint32
	if len(args) < 3 || kinds[args[2]] == 0 {
		return failure{2, errors.New("give PATH c|b MAJOR MINOR, or PATH p")}
	}
	if len(args) == 5 {
		if _, err := fmt.Sscan(args[3]+" "+args[4], &major, &minor); err != nil {
			return failure{2, fmt.Errorf("%s %s are not device numbers", args[3], args[4])}
		}
	}
	if err := unix.Mknod(args[1], kinds[args[2]]|0o666, int(unix.Mkdev(major, minor))); err != nil {
		return fmt.Errorf("%s: %w", args[1], err)
	}
	return nil
}
