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
func comeToRest() { _ = forgetProgram() }

// forgetProgram gives back the memory that a process needs no longer when it comes to
// rest: its garbage, and the pages of its own program, which the kernel still has in
// its cache and maps again as they are needed (madvise(2), MADV_DONTNEED).
func forgetProgram() error {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("find our own program: %w", err)
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return fmt.Errorf("find the pages of our own program: %w", err)
	}
	parts := untouchedParts(string(smaps), program)
	debug.FreeOSMemory()                 // the list of our memory was garbage as well
	<-time.After(100 * time.Millisecond) // Go's runtime comes to rest itself
	for _, one := range parts {          // and nothing else: what runs is mapped again
		if _, _, errno := unix.RawSyscall(unix.SYS_MADVISE, one.start, one.end-one.start, unix.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("give back the pages of our own program: %w", errno)
		}
	}
	return nil
}

// part is a range of addresses.
type part struct{ start, end uintptr }

// untouchedParts returns those parts of a file that nobody can write to, and of which
// there is no page that differs from the file (proc_pid_smaps(5)): what the linker has
// filled in before it made that read-only would be lost.
func untouchedParts(smaps, file string) (parts []part) {
	var current part
	candidate := false
	for line := range strings.Lines(smaps) {
		fields := strings.Fields(line)
		switch {
		case len(fields) >= 5 && !strings.HasSuffix(fields[0], ":"):
			current, candidate = readOnlyPart(line, file)
		case candidate && len(fields) == 3 && fields[0] == "Anonymous:" && fields[1] == "0":
			parts = append(parts, current)
		}
	}
	return parts
}

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
