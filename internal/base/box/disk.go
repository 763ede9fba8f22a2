package main

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/docker/go-units"
)

// decompressed looks at the first bytes of in to see whether it is gzip's.
func decompressed(in io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(in)
	if magic, err := buffered.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		return gzip.NewReader(buffered)
	}
	return buffered, nil
}

// du shows how much room files take on disk.
func du(args []string) error {
	flags := newFlags("du")
	human := flags.BoolP("human-readable", "h", false, "units that fit")
	sum := flags.BoolP("summarize", "s", false, "only the operands themselves")
	all := flags.BoolP("all", "a", false, "files, too")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	operands := flags.Args()
	if len(operands) == 0 {
		operands = []string{"."}
	}
	show := func(path string, blocks int64) {
		size := strconv.FormatInt(blocks/2, 10) // blocks are of 512 bytes, stat(2)
		if *human {
			size = units.BytesSize(float64(blocks * 512))
		}
		fmt.Fprintf(out, "%s\t%s\n", size, path)
	}
	var measure func(path string, top bool) (int64, error)
	measure = func(path string, top bool) (int64, error) {
		info, err := os.Lstat(path)
		if err != nil {
			return 0, err
		}
		total := info.Sys().(*syscall.Stat_t).Blocks
		if info.IsDir() {
			entries, err := os.ReadDir(path)
			if err != nil {
				return 0, err
			}
			for _, entry := range entries {
				below, err := measure(filepath.Join(path, entry.Name()), false)
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					return 0, err
				}
				total += below
			}
		}
		if top || !*sum && (info.IsDir() || *all) {
			show(path, total)
		}
		return total, nil
	}
	return each("du", operands, func(path string) error {
		_, err := measure(path, true)
		return err
	})
}

// dd copies blocks: if=FILE of=FILE bs=BYTES count=N skip=N seek=N conv=notrunc
// status=none.
func dd(args []string) error {
	set := map[string]string{"bs": "512", "count": "-1", "skip": "0", "seek": "0"}
	for _, operand := range args[1:] {
		name, value, ok := strings.Cut(operand, "=")
		if !ok || !strings.Contains(" if of bs count skip seek conv status ", " "+name+" ") {
			return failure{2, fmt.Errorf("unknown operand %q", operand)}
		}
		set[name] = value
	}
	size, err := bytesOf(set["bs"])
	if err != nil || size == 0 {
		return failure{2, fmt.Errorf("bs=%s is not a number of bytes", set["bs"])}
	}
	numbers := make(map[string]int64)
	for _, name := range []string{"count", "skip", "seek"} {
		if numbers[name], err = strconv.ParseInt(set[name], 10, 64); err != nil {
			return failure{2, fmt.Errorf("%s=%s is not a number", name, set[name])}
		}
	}
	source, target := os.Stdin, os.Stdout
	if set["if"] != "" {
		if source, err = os.Open(set["if"]); err != nil {
			return err
		}
	}
	if set["of"] != "" {
		mode := os.O_CREATE | os.O_WRONLY
		if set["conv"] != "notrunc" && numbers["seek"] == 0 {
			mode |= os.O_TRUNC
		}
		if target, err = os.OpenFile(set["of"], mode, 0o666); err != nil {
			return err
		}
		if _, err := target.Seek(numbers["seek"]*size, io.SeekStart); err != nil {
			return err
		}
	}
	if _, err := io.CopyN(io.Discard, source, numbers["skip"]*size); err != nil {
		return err
	}
	copied, err := copyBlocks(target, source, size, numbers["count"])
	if set["status"] != "none" {
		fmt.Fprintf(os.Stderr, "%d bytes copied\n", copied)
	}
	return errors.Join(err, target.Close())
}

func copyBlocks(target io.Writer, source io.Reader, size, count int64) (copied int64, err error) {
	block := make([]byte, size)
	for done := int64(0); count < 0 || done < count; done++ {
		read, err := source.Read(block)
		written, failed := target.Write(block[:read])
		copied += int64(written)
		if failed != nil || err != nil {
			return copied, errors.Join(failed, notEOF(err))
		}
	}
	return copied, nil
}
