package vm

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/u-root/u-root/pkg/ldd"
)

// programs are those that tests start. They come from this machine, so that a test
// that fails under another kernel fails because of the kernel. One that is not
// installed here is not there either.
const programs = `sh bash env cat echo true false test [ printf sleep ls ln cp mv rm mkdir rmdir mkfifo mknod mktemp
	touch chmod chown dd df du head tail tee tr sort uniq cut wc seq od yes expr date id whoami basename dirname readlink realpath
	stat sync timeout nohup nice nproc uname hostname domainname stty tty chroot sha256sum md5sum
	find xargs grep sed awk tar gzip cmp diff getent ps kill pgrep pkill prlimit taskset
	mount umount mountpoint findmnt pivot_root unshare nsenter setpriv setsid mke2fs iptables ip6tables iptables-save iptables-restore ip nft sysctl`

// settings are what programs read; those of them that this machine has.
const settings = `/etc/passwd /etc/group /etc/mke2fs.conf /etc/protocols /etc/services /etc/ethertypes /etc/nsswitch.conf /etc/resolv.conf /etc/ld.so.cache`

// plugins are loaded at run time: iptables has one for each match and target.
var plugins = []string{"/usr/lib/*/xtables/*.so", "/usr/lib64/xtables/*.so", "/usr/lib/xtables/*.so"}

// addUserland adds, below root, the programs with their libraries, and the libraries
// of the executables.
func addUserland(tree *Tree, root string, executables []string) error {
	var files []string
	for name := range strings.FieldsSeq(programs) {
		if found, err := lookPath(name); err == nil {
			files = append(files, found)
		}
	}
	for _, pattern := range plugins {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		files = append(files, found...)
	}
	libraries, err := ldd.List(append(executables, files...)...)
	if err != nil {
		return fmt.Errorf("find the libraries of programs: %w", err)
	}
	files = append(files, libraries...)
	for name := range strings.FieldsSeq(settings) {
		if _, err := os.Stat(name); err == nil {
			files = append(files, name)
		}
	}
	// /bin is /usr/bin on most machines, and the tests know both.
	files = append(files, "/bin/sh", "/usr/bin/env")
	for _, file := range files {
		if err := tree.Like(root, file); err != nil {
			return err
		}
	}
	return nil
}

// lookPath also finds what is for root.
func lookPath(name string) (string, error) {
	found, err := exec.LookPath(name)
	for _, folder := range []string{"/usr/sbin", "/sbin"} {
		if err != nil {
			found, err = exec.LookPath(path.Join(folder, name))
		}
	}
	return found, err
}
