package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// call is a system call that is about to be done.
type call struct {
	thread int
	number uint64
	words  [6]uint64
}

// step returns the name of the step that the call is, if it succeeds, or "" if it is
// none: if nobody outside the process can see that it was done. A call that is not known
// here is a step.
func (c call) step() string {
	if quiet[c.number] || inward[c.number] {
		return "" // for a child that it makes, see born
	}
	switch c.number {
	case unix.SYS_OPENAT:
		return c.opening(c.words[2], c.path(1))
	case unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_WRITEV, unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG, unix.SYS_SENDFILE, unix.SYS_COPY_FILE_RANGE:
		return c.writing()
	case unix.SYS_FCNTL:
		if !slices.Contains([]uint64{unix.F_OFD_SETLK, unix.F_OFD_SETLKW, unix.F_SETLK, unix.F_SETLKW}, c.words[1]) {
			return ""
		}
		return "lock " + c.file(0)
	case unix.SYS_KILL, unix.SYS_PIDFD_SEND_SIGNAL:
		if c.words[1] == 0 || c.words[1] == uint64(unix.SIGURG) {
			return "" // it asks whether there is somebody
		}
	case unix.SYS_BIND:
		if c.isNetlink() {
			return ""
		}
	}
	return c.name()
}

// name is the system call and what it is about.
func (c call) name() string {
	name := cmp.Or(names[c.number], namesHere[c.number], fmt.Sprint("system call ", c.number))
	for index, kind := range cmp.Or(arguments[c.number], argumentsHere[c.number]) {
		switch kind {
		case 'p':
			name += " " + c.path(index)
		case 'f':
			name += " " + c.file(index)
		case 'n':
			name += fmt.Sprintf(" %#x", c.words[index])
		}
	}
	return name
}

func (c call) opening(flags uint64, path string) string {
	switch {
	case flags&(unix.O_CREAT|unix.O_TRUNC) == 0, flags&unix.O_TMPFILE == unix.O_TMPFILE, strings.HasPrefix(path, "/dev/"),
		strings.HasPrefix(path, "/sys/"), strings.HasPrefix(path, "/proc/"):
		return ""
	}
	return "open " + path
}

// writing is about a file, or a socket to the kernel. What goes through a pipe or to
// another process, is seen by what that does.
func (c call) writing() string {
	index := 0
	if c.number == unix.SYS_COPY_FILE_RANGE {
		index = 2
	}
	file := c.file(index)
	if strings.HasPrefix(file, "/memfd:") || strings.HasPrefix(file, "/dev/") {
		return ""
	}
	if strings.HasPrefix(file, "/") {
		return "write " + file
	}
	if strings.HasPrefix(file, "socket:") && c.isNetlink() {
		return c.sending()
	}
	return ""
}

// sending is about a message to the kernel, which begins with its length, its type and
// flags (netlink(7)). Questions are no steps.
func (c call) sending() string {
	address := c.words[1]
	if c.number != unix.SYS_SENDTO && c.number != unix.SYS_WRITE { // struct msghdr, and in it struct iovec
		address = c.word(c.word(address + 16))
	}
	header := c.word(address)
	kind, flags := header>>32&0xffff, header>>48
	question := kind >= unix.RTM_BASE && kind <= unix.RTM_MAX && kind&3 == 2
	if question || flags&unix.NLM_F_DUMP == unix.NLM_F_DUMP && kind&3 == 2 {
		return ""
	}
	return fmt.Sprintf("send to netlink a message of type %d", kind)
}

// word reads 64 bits of the process's memory.
func (c call) word(address uint64) uint64 {
	var content [8]byte
	if _, err := unix.ProcessVMReadv(c.thread, []unix.Iovec{iovec(content[:])}, []unix.RemoteIovec{{Base: uintptr(address), Len: len(content)}}, 0); err != nil {
		return 0
	}
	return binary.NativeEndian.Uint64(content[:])
}

// isNetlink reports whether the first argument is a socket to the kernel: they are in
// none of the lists of sockets but this one.
func (c call) isNetlink() bool {
	target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", c.thread, int32(c.words[0])))
	if err != nil {
		return false
	}
	inode := strings.Trim(strings.TrimPrefix(target, "socket:"), "[]")
	sockets, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/netlink", c.thread))
	return err == nil && bytes.Contains(sockets, []byte(" "+inode+" "))
}

// file returns what an argument that is a file descriptor stands for.
func (c call) file(index int) string {
	target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", c.thread, int32(c.words[index])))
	if err != nil {
		return "?"
	}
	return masked(target)
}

// path returns an argument that is a path.
func (c call) path(index int) string {
	content := make([]byte, 4096)
	count := 0
	for count < len(content) { // up to the end of a page, and then of the next one
		address := c.words[index] + uint64(count)
		part := content[count:min(len(content), count+int(4096-address%4096))]
		read, err := unix.ProcessVMReadv(c.thread, []unix.Iovec{iovec(part)}, []unix.RemoteIovec{{Base: uintptr(address), Len: len(part)}}, 0)
		if err != nil || read == 0 {
			break
		}
		count += read
		if end := bytes.IndexByte(content[:count], 0); end >= 0 {
			return masked(string(content[:end]))
		}
	}
	return "?"
}

func iovec(buffer []byte) unix.Iovec {
	vector := unix.Iovec{Base: &buffer[0]}
	vector.SetLen(len(buffer))
	return vector
}

var random = regexp.MustCompile(`[0-9a-f]{32,}|[0-9a-f]{8}-[0-9a-f-]{27}|td[a-z]*-[a-z0-9]+|[0-9]+`)

// masked is a text without what is another one in another run.
func masked(text string) string { return random.ReplaceAllString(text, "#") }
