package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

var textApplets = map[string]applet{
	"head": head, "tail": tail, "wc": wc, "tee": tee, "grep": grep, "sort": sortLines, "uniq": uniq, "tr": tr, "cut": cut,
}

// inputs reads each operand with do, or standard input if there is none, and
// prints a heading before each if there are several.
func inputs(name string, operands []string, headings bool, do func(path string, in io.Reader) error) error {
	if len(operands) == 0 {
		operands = []string{"-"}
	}
	for index, path := range operands {
		if headings && len(operands) > 1 {
			fmt.Fprintf(out, "%s==> %s <==\n", strings.Repeat("\n", min(index, 1)), path)
		}
		if err := each(name, []string{path}, func(path string) error {
			return withInput(path, func(in io.Reader) error { return do(path, in) })
		}); err != nil {
			return err
		}
	}
	return nil
}

// head prints the first lines, and reads no more than it must from a file.
func head(args []string) error {
	flags := newFlags("head")
	lines := flags.Int64P("lines", "n", 10, "how many lines")
	count := flags.StringP("bytes", "c", "", "how many bytes instead")
	if err := parse(flags, dashNumber(args), 0); err != nil {
		return err
	}
	return inputs("head", flags.Args(), true, func(_ string, in io.Reader) error {
		if *count != "" {
			size, err := bytesOf(*count)
			if err != nil {
				return err
			}
			_, err = io.CopyN(out, in, size)
			return notEOF(err)
		}
		reader := bufio.NewReader(in)
		for range *lines {
			line, err := reader.ReadBytes('\n')
			if _, err := out.Write(line); err != nil {
				return err
			}
			if err != nil {
				return notEOF(err)
			}
		}
		return nil
	})
}

func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func tail(args []string) error {
	flags := newFlags("tail")
	lines := flags.StringP("lines", "n", "10", "how many lines, or +N to begin with line N")
	count := flags.StringP("bytes", "c", "", "how many bytes instead")
	follow := flags.BoolP("follow", "f", false, "wait for more")
	if err := parse(flags, dashNumber(args), 0); err != nil {
		return err
	}
	return inputs("tail", flags.Args(), true, func(_ string, in io.Reader) error {
		content, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		end, err := tailOf(content, *lines, *count)
		if err != nil {
			return err
		}
		if _, err := out.Write(end); err != nil || !*follow {
			return err
		}
		return followInput(in)
	})
}

func tailOf(content []byte, lines, count string) ([]byte, error) {
	if count != "" {
		size, err := bytesOf(count)
		return content[max(0, int64(len(content))-size):], err
	}
	number, err := strconv.Atoi(strings.TrimPrefix(strings.TrimPrefix(lines, "+"), "-"))
	if err != nil {
		return nil, fmt.Errorf("%q is not a number of lines", lines)
	}
	all := bytes.SplitAfter(content, []byte("\n"))
	if len(all[len(all)-1]) == 0 {
		all = all[:len(all)-1]
	}
	from := max(0, len(all)-number)
	if strings.HasPrefix(lines, "+") {
		from = min(max(0, number-1), len(all))
	}
	return bytes.Join(all[from:], nil), nil
}

func followInput(in io.Reader) error {
	for {
		if _, err := io.Copy(out, in); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
		<-time.After(100 * time.Millisecond)
	}
}

// wc counts lines, words and bytes; characters with -m.
func wc(args []string) error {
	flags := newFlags("wc")
	lines := flags.BoolP("lines", "l", false, "lines")
	words := flags.BoolP("words", "w", false, "words")
	count := flags.BoolP("bytes", "c", false, "bytes")
	characters := flags.BoolP("chars", "m", false, "characters")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	wanted := []bool{*lines, *words, *characters, *count}
	if !*lines && !*words && !*count && !*characters {
		wanted = []bool{true, true, false, true}
	}
	totals := make([]int64, 4)
	err := inputs("wc", flags.Args(), false, func(path string, in io.Reader) error {
		counts, err := countInput(in)
		if err != nil {
			return err
		}
		for index := range totals {
			totals[index] += counts[index]
		}
		printCounts(counts, wanted, path)
		return nil
	})
	if flags.NArg() > 1 {
		printCounts(totals, wanted, "total")
	}
	return err
}

func countInput(in io.Reader) ([]int64, error) {
	counts := make([]int64, 4)
	inWord := false
	buffer := make([]byte, 64<<10)
	for {
		size, err := in.Read(buffer)
		counts[0] += int64(bytes.Count(buffer[:size], []byte("\n")))
		counts[2] += int64(utf8.RuneCount(buffer[:size]))
		counts[3] += int64(size)
		for _, b := range buffer[:size] {
			space := b == ' ' || b >= '\t' && b <= '\r'
			if !space && !inWord {
				counts[1]++
			}
			inWord = !space
		}
		if err != nil {
			return counts, notEOF(err)
		}
	}
}

func printCounts(counts []int64, wanted []bool, path string) {
	var fields []string
	for index, count := range counts {
		if wanted[index] {
			fields = append(fields, strconv.FormatInt(count, 10))
		}
	}
	if path != "-" {
		fields = append(fields, path)
	}
	fmt.Fprintln(out, strings.Join(fields, " "))
}

func tee(args []string) error {
	flags := newFlags("tee")
	add := flags.BoolP("append", "a", false, "add to the files")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	mode := os.O_TRUNC
	if *add {
		mode = os.O_APPEND
	}
	outputs := []io.Writer{os.Stdout}
	for _, path := range flags.Args() {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|mode, 0o666)
		if err != nil {
			return err
		}
		defer file.Close()
		outputs = append(outputs, file)
	}
	_, err := io.Copy(io.MultiWriter(outputs...), os.Stdin)
	return err
}
