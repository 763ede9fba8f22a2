package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mvdan.cc/sh/v3/expand"
)

var valueApplets = map[string]applet{
	"true": func([]string) error { return nil }, "false": func([]string) error { return exitStatus(1) },
	"echo": echo, "printf": printf, "seq": seq, "yes": yes, "sleep": sleep, "date": date, "env": env, "sha256sum": sha256sum,
	"nproc": func([]string) error { fmt.Println(runtime.NumCPU()); return nil },
}

func echo(args []string) error {
	args = args[1:]
	end, escapes := "\n", false
	for len(args) > 0 && (args[0] == "-n" || args[0] == "-e" || args[0] == "-ne" || args[0] == "-en") {
		if strings.Contains(args[0], "n") {
			end = ""
		}
		escapes = escapes || strings.Contains(args[0], "e")
		args = args[1:]
	}
	text := strings.Join(args, " ")
	if escapes {
		formatted, _, err := expand.Format(nil, strings.ReplaceAll(text, "%", "%%"), nil)
		if err != nil {
			return err
		}
		text = formatted
	}
	_, err := fmt.Print(text + end)
	return err
}

// printf uses its format again until all arguments are used, as printf(1p) says.
func printf(args []string) error {
	if len(args) < 2 {
		return failure{2, errors.New("missing format")}
	}
	format, rest := args[1], args[2:]
	for {
		text, used, err := expand.Format(nil, format, rest)
		if err != nil {
			return err
		}
		if _, err := fmt.Print(text); err != nil {
			return err
		}
		rest = rest[used:]
		if used == 0 || len(rest) == 0 {
			return nil
		}
	}
}

func seq(args []string) error {
	numbers := []float64{1, 1, 1}
	operands := args[1:]
	if len(operands) < 1 || len(operands) > 3 {
		return failure{2, errors.New("give LAST, FIRST LAST or FIRST STEP LAST")}
	}
	for index, place := range map[int][]int{1: {2}, 2: {0, 2}, 3: {0, 1, 2}}[len(operands)] {
		number, err := strconv.ParseFloat(operands[index], 64)
		if err != nil {
			return failure{2, fmt.Errorf("%q is not a number", operands[index])}
		}
		numbers[place] = number
	}
	first, step, last := numbers[0], numbers[1], numbers[2]
	if step == 0 {
		return failure{2, errors.New("the step is zero")}
	}
	for count := 0.0; ; count++ {
		value := first + count*step
		if step > 0 && value > last || step < 0 && value < last {
			return nil
		}
		fmt.Fprintln(out, strconv.FormatFloat(value, 'f', -1, 64))
	}
}

func yes(args []string) error {
	text := "y"
	if len(args) > 1 {
		text = strings.Join(args[1:], " ")
	}
	block := []byte(strings.Repeat(text+"\n", max(1, 8192/(len(text)+1))))
	for {
		if _, err := os.Stdout.Write(block); err != nil {
			return err
		}
	}
}

// sleep sleeps for the sum of its operands: seconds, or with m, h or d.
func sleep(args []string) error {
	if len(args) < 2 {
		return failure{2, errors.New("missing operand")}
	}
	total := 0.0
	for _, operand := range args[1:] {
		number, unit := operand, 1.0
		for suffix, seconds := range map[string]float64{"s": 1, "m": 60, "h": 3600, "d": 86400} {
			if strings.HasSuffix(operand, suffix) {
				number, unit = strings.TrimSuffix(operand, suffix), seconds
			}
		}
		if operand == "infinity" || operand == "inf" {
			number, unit = "1e300", 1
		}
		value, err := strconv.ParseFloat(number, 64)
		if err != nil || value < 0 {
			return failure{2, fmt.Errorf("%q is not a time", operand)}
		}
		total += value * unit
	}
	duration := time.Duration(math.MaxInt64)
	if total < duration.Seconds() {
		duration = time.Duration(total * float64(time.Second))
	}
	<-time.After(duration)
	return nil
}

func date(args []string) error {
	flags := newFlags("date")
	utc := flags.BoolP("utc", "u", false, "in UTC")
	at := flags.StringP("date", "d", "", "another time: @SECONDS or RFC 3339")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	now := time.Now()
	if seconds, ok := strings.CutPrefix(*at, "@"); ok {
		number, err := strconv.ParseInt(seconds, 10, 64)
		if err != nil {
			return failure{2, fmt.Errorf("%q is not a time", *at)}
		}
		now = time.Unix(number, 0)
	} else if *at != "" {
		var err error
		if now, err = time.Parse(time.RFC3339, *at); err != nil {
			return failure{2, err}
		}
	}
	if *utc {
		now = now.UTC()
	}
	format := "+%a %b %e %H:%M:%S %Z %Y"
	if flags.NArg() > 0 {
		format = flags.Arg(0)
	}
	fmt.Println(strftime(now, strings.TrimPrefix(format, "+")))
	return nil
}

func strftime(at time.Time, format string) string {
	layouts := map[byte]string{
		'Y': "2006", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'M': "04", 'S': "05", 'y': "06", 'a': "Mon", 'A': "Monday",
		'b': "Jan", 'B': "January", 'Z': "MST", 'z': "-0700", 'j': "002", 'p': "PM", 'I': "03", 'F': "2006-01-02", 'T': "15:04:05",
		'R': "15:04", 'D': "01/02/06",
	}
	var text strings.Builder
	for index := 0; index < len(format); index++ {
		if format[index] != '%' || index+1 == len(format) {
			text.WriteByte(format[index])
			continue
		}
		index++
		switch letter := format[index]; letter {
		case 's':
			fmt.Fprint(&text, at.Unix())
		case 'N':
			fmt.Fprintf(&text, "%09d", at.Nanosecond())
		case 'n':
			text.WriteByte('\n')
		case '%':
			text.WriteByte('%')
		default:
			text.WriteString(at.Format(layouts[letter]))
		}
	}
	return text.String()
}

func env(args []string) error {
	flags := newFlags("env")
	flags.SetInterspersed(false)
	empty := flags.BoolP("ignore-environment", "i", false, "begin with nothing")
	unset := flags.StringArrayP("unset", "u", nil, "without this variable")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	if *empty {
		os.Clearenv()
	}
	for _, name := range *unset {
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	rest := flags.Args()
	for len(rest) > 0 && strings.Contains(rest[0], "=") {
		name, value, _ := strings.Cut(rest[0], "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		return replaceBy(rest)
	}
	for _, variable := range os.Environ() {
		fmt.Println(variable)
	}
	return nil
}

// replaceBy makes another program of this process.
func replaceBy(command []string) error {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return failure{127, fmt.Errorf("%s: not found", command[0])}
	}
	return failure{126, fmt.Errorf("%s: %w", command[0], syscall.Exec(path, command, os.Environ()))}
}

func sha256sum(args []string) error {
	operands := args[1:]
	if len(operands) == 0 {
		operands = []string{"-"}
	}
	return each("sha256sum", operands, func(path string) error {
		return withInput(path, func(in io.Reader) error {
			sum := sha256.New()
			if _, err := io.Copy(sum, in); err != nil {
				return err
			}
			fmt.Printf("%x  %s\n", sum.Sum(nil), path)
			return nil
		})
	})
}

// withInput opens a file, or standard input for "-", and reads it with do.
func withInput(path string, do func(in io.Reader) error) error {
	if path == "-" {
		return do(os.Stdin)
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return do(file)
}
