package engine

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// restless is how long a container runs until its monitor has nothing to do but to
// wait.
const restless = time.Second

// comeToRest makes a monitor small whose container goes on: there may be hundreds,
// which do nothing for days. If that does not work it is large, and as good as ever.
func (w *watcher) comeToRest() *time.Timer {
	return time.AfterFunc(restless, func() {
		if w.streams == nil {
			_ = forgetProgram()
		}
	})
}

// forgetProgram gives back the memory that a process needs no longer when it comes to
// rest: its garbage, and the pages of its own program, which the kernel still has in
// its cache and maps again as they are needed (madvise(2), MADV_DONTNEED).
func forgetProgram() error {
	debug.FreeOSMemory()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("find our own program: %w", err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return fmt.Errorf("find the pages of our own program: %w", err)
	}
	var parts []part
	for line := range strings.Lines(string(maps)) {
		if one, ok := readOnlyPart(line, program); ok {
			parts = append(parts, one)
		}
	}
	for _, one := range parts { // and nothing else: what runs is mapped again
		if _, _, errno := unix.RawSyscall(unix.SYS_MADVISE, one.start, one.end-one.start, unix.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("give back the pages of our own program: %w", errno)
		}
	}
	return nil
}

// part is a range of addresses.
type part struct{ start, end uintptr }

// readOnlyPart parses a line of proc_pid_maps(5) that is about a part of a file which
// nobody can have changed.
func readOnlyPart(line, file string) (part, bool) {
	fields := strings.Fields(line)
	if len(fields) < 6 || !strings.HasSuffix(line, " "+file+"\n") || strings.Contains(fields[1], "w") {
		return part{}, false
	}
	first, second, _ := strings.Cut(fields[0], "-")
	start, startErr := strconv.ParseUint(first, 16, 64)
	end, endErr := strconv.ParseUint(second, 16, 64)
	return part{uintptr(start), uintptr(end)}, startErr == nil && endErr == nil
}
