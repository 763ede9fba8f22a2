package testbed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

// files lists our open files.
func files() ([]string, error) {
	runtime.GC() // closes those that nobody holds any more
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil, err
	}
	var things []string
	for _, entry := range entries {
		target, err := os.Readlink("/proc/self/fd/" + entry.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue // the one that has read the folder
		}
		if err != nil {
			return nil, err
		}
		things = append(things, fmt.Sprintf("descriptor %s, %s (see: ls -l /proc/self/fd)", entry.Name(), target))
	}
	return things, nil
}

// startPoller has the Go runtime open what it keeps open from the first use of a
// pipe or socket on, so that a snapshot holds it.
func startPoller() error {
	reader, writer, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start the runtime's poller: %w", err)
	}
	return errors.Join(reader.Close(), writer.Close())
}
