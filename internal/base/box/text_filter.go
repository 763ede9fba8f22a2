package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// eachLine calls do with every line, without its end.
func eachLine(in io.Reader, do func(line string) error) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, 64<<20)
	for scanner.Scan() {
		if err := do(scanner.Text()); err != nil {
			return err
		}
	}
	return scanner.Err()
}

// errEnough ends the reading of lines early.
var errEnough = errors.New("enough")

// grepper is what grep was asked for.
type grepper struct {
	expression                                 *regexp.Regexp
	invert, quiet, number, count, only, prefix bool
	out                                        *bufio.Writer
	found                                      bool
}

func grep(args []string) error {
	flags := newFlags("grep")
	g := &grepper{out: out}
	flags.BoolVarP(&g.invert, "invert-match", "v", false, "lines that do not match")
	flags.BoolVarP(&g.quiet, "quiet", "q", false, "print nothing")
	flags.BoolVarP(&g.number, "line-number", "n", false, "print line numbers")
	flags.BoolVarP(&g.count, "count", "c", false, "print how many")
	flags.BoolVarP(&g.only, "only-matching", "o", false, "print the matching part")
	ignore := flags.BoolP("ignore-case", "i", false, "upper and lower case are the same")
	extended := flags.BoolP("extended-regexp", "E", false, "extended regular expressions")
	fixed := flags.BoolP("fixed-strings", "F", false, "a text, not an expression")
	whole := flags.BoolP("line-regexp", "x", false, "match whole lines")
	word := flags.BoolP("word-regexp", "w", false, "match whole words")
	patterns := flags.StringArrayP("regexp", "e", nil, "the expression")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	operands := flags.Args()
	if len(*patterns) == 0 {
		if len(operands) == 0 {
			return failure{2, errors.New("missing pattern")}
		}
		*patterns, operands = operands[:1], operands[1:]
	}
	var err error
	if g.expression, err = matcher(*patterns, *extended, *fixed, *ignore, *whole, *word); err != nil {
		return failure{2, err}
	}
	g.prefix = len(operands) > 1
	if err := inputs("grep", operands, false, g.search); err != nil {
		return exitStatus(2)
	}
	if !g.found {
		return exitStatus(1)
	}
	return nil
}

// search looks through one file.
func (g *grepper) search(path string, in io.Reader) error {
	prefix, matches, line := "", 0, 0
	if g.prefix {
		prefix = path + ":"
	}
	err := eachLine(in, func(text string) error {
		line++
		if g.expression.MatchString(text) == g.invert {
			return nil
		}
		g.found = true
		matches++
		switch {
		case g.quiet:
			return errEnough
		case g.count:
			return nil
		case g.number:
			return g.print(prefix+strconv.Itoa(line)+":", text)
		default:
			return g.print(prefix, text)
		}
	})
	if g.count {
		fmt.Fprintf(g.out, "%s%d\n", prefix, matches)
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (g *grepper) print(prefix, text string) error {
	parts := []string{text}
	if g.only {
		parts = g.expression.FindAllString(text, -1)
	}
	for _, part := range parts {
		if _, err := fmt.Fprintln(g.out, prefix+part); err != nil {
			return err
		}
	}
	return nil
}

// matcher makes one regular expression of patterns.
func matcher(patterns []string, extended, fixed, ignore, whole, word bool) (*regexp.Regexp, error) {
	var alternatives []string
	for _, pattern := range patterns {
		switch {
		case fixed:
			pattern = regexp.QuoteMeta(pattern)
		case !extended:
			pattern = fromBasic(pattern)
		}
		if word {
			pattern = `\b(?:` + pattern + `)\b`
		}
		if whole {
			pattern = `^(?:` + pattern + `)$`
		}
		alternatives = append(alternatives, pattern)
	}
	text := strings.Join(alternatives, "|")
	if ignore {
		text = "(?i)" + text
	}
	return regexp.Compile(text)
}

// fromBasic turns a basic regular expression into an extended one: there
// ( ) { } | + ? are text, and \( and so on are not.
func fromBasic(pattern string) string {
	var text strings.Builder
	for index := 0; index < len(pattern); index++ {
		letter := pattern[index]
		special := strings.IndexByte("(){}|+?", letter) >= 0
		switch {
		case letter == '\\' && index+1 < len(pattern):
			index++
			if strings.IndexByte("(){}|+?", pattern[index]) < 0 {
				text.WriteByte('\\')
			}
			text.WriteByte(pattern[index])
		case special:
			text.WriteByte('\\')
			text.WriteByte(letter)
		default:
			text.WriteByte(letter)
		}
	}
	return text.String()
}

func sortLines(args []string) error {
	flags := newFlags("sort")
	numeric := flags.BoolP("numeric-sort", "n", false, "by number")
	reverse := flags.BoolP("reverse", "r", false, "the greatest first")
	unique := flags.BoolP("unique", "u", false, "each only once")
	key := flags.StringP("key", "k", "", "by this field")
	separator := flags.StringP("field-separator", "t", "", "what separates fields")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	var lines []string
	err := inputs("sort", flags.Args(), false, func(_ string, in io.Reader) error {
		return eachLine(in, func(line string) error { lines = append(lines, line); return nil })
	})
	if err != nil {
		return err
	}
	field := int(leadingNumber(*key))
	part := func(line string) string { return fieldOf(line, field, *separator) }
	slices.SortStableFunc(lines, func(a, b string) int {
		result := strings.Compare(part(a), part(b))
		if *numeric {
			result = cmp.Compare(leadingNumber(part(a)), leadingNumber(part(b)))
		}
		if result == 0 && !*unique {
			result = strings.Compare(a, b)
		}
		if *reverse {
			return -result
		}
		return result
	})
	if *unique {
		lines = slices.CompactFunc(lines, func(a, b string) bool {
			if *numeric {
				return leadingNumber(part(a)) == leadingNumber(part(b))
			}
			return part(a) == part(b)
		})
	}
	return printLines(lines)
}

func printLines(lines []string) error {
	for _, line := range lines {
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}

// fieldOf returns what a line holds from field number on, counted from 1.
func fieldOf(line string, number int, separator string) string {
	if number == 0 {
		return line
	}
	fields := strings.Fields(line)
	if separator != "" {
		fields = strings.Split(line, separator)
	}
	if number > len(fields) {
		return ""
	}
	return strings.Join(fields[number-1:], " ")
}

func leadingNumber(text string) float64 {
	text = strings.TrimSpace(text)
	end := 0
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == '.' || end == 0 && text[end] == '-') {
		end++
	}
	number, err := strconv.ParseFloat(text[:end], 64)
	if err != nil {
		return 0
	}
	return number
}

func uniq(args []string) error {
	flags := newFlags("uniq")
	count := flags.BoolP("count", "c", false, "say how often")
	repeated := flags.BoolP("repeated", "d", false, "only those that come more than once")
	single := flags.BoolP("unique", "u", false, "only those that come once")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	previous, times := "", 0
	flush := func() {
		if times == 0 || *repeated && times == 1 || *single && times > 1 {
			return
		}
		if *count {
			fmt.Fprintf(out, "%7d ", times)
		}
		fmt.Fprintln(out, previous)
	}
	err := inputs("uniq", flags.Args(), false, func(_ string, in io.Reader) error {
		return eachLine(in, func(line string) error {
			if times > 0 && line == previous {
				times++
				return nil
			}
			flush()
			previous, times = line, 1
			return nil
		})
	})
	flush()
	return err
}

func cut(args []string) error {
	flags := newFlags("cut")
	delimiter := flags.StringP("delimiter", "d", "\t", "what separates fields")
	fields := flags.StringP("fields", "f", "", "these fields")
	characters := flags.StringP("characters", "c", "", "these characters")
	bytes := flags.StringP("bytes", "b", "", "these bytes")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	list := *fields + *characters + *bytes
	chosen, err := ranges(list)
	if err != nil {
		return failure{2, err}
	}
	return inputs("cut", flags.Args(), false, func(_ string, in io.Reader) error {
		return eachLine(in, func(line string) error {
			separator := ""
			if *fields != "" {
				if separator = *delimiter; !strings.Contains(line, separator) {
					_, err := fmt.Fprintln(out, line)
					return err
				}
			}
			var kept []string
			for index, part := range strings.Split(line, separator) {
				if chosen(index + 1) {
					kept = append(kept, part)
				}
			}
			_, err := fmt.Fprintln(out, strings.Join(kept, separator))
			return err
		})
	})
}

// ranges parses a list such as 1,3-5,7- and returns whether a number is in it.
func ranges(list string) (func(number int) bool, error) {
	if list == "" {
		return nil, errors.New("say which: -f, -c or -b")
	}
	type span struct{ from, to int }
	var spans []span
	for _, item := range strings.Split(list, ",") {
		from, to, through := strings.Cut(item, "-")
		s := span{1, 1 << 30}
		var err, other error
		if from != "" {
			s.from, err = strconv.Atoi(from)
		}
		if to != "" {
			s.to, other = strconv.Atoi(to)
		}
		if !through {
			s.to = s.from
		}
		if err != nil || other != nil || s.from < 1 || item == "-" || item == "" {
			return nil, fmt.Errorf("%q is not a list of numbers", list)
		}
		spans = append(spans, s)
	}
	return func(number int) bool {
		return slices.ContainsFunc(spans, func(s span) bool { return s.from <= number && number <= s.to })
	}, nil
}

func tr(args []string) error {
	flags := newFlags("tr")
	remove := flags.BoolP("delete", "d", false, "delete")
	squeeze := flags.BoolP("squeeze-repeats", "s", false, "repeat nothing")
	complement := flags.BoolP("complement", "c", false, "all others")
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	from, to := letters(flags.Arg(0)), letters(flags.Arg(1))
	reader := bufio.NewReader(os.Stdin)
	last := -1
	for {
		letter, err := reader.ReadByte()
		if err != nil {
			return notEOF(err)
		}
		place := slices.Index(from, letter)
		if *complement {
			if place >= 0 {
				place = -1
			} else {
				place = len(to)
			}
		}
		if place >= 0 && *remove {
			continue
		}
		if place >= 0 && len(to) > 0 {
			letter = to[min(place, len(to)-1)]
		}
		if place >= 0 && *squeeze && last == int(letter) {
			continue
		}
		last = int(letter)
		if err := out.WriteByte(letter); err != nil {
			return err
		}
	}
}

// letters expands ranges such as a-z, classes such as [:upper:] and escapes.
func letters(set string) []byte {
	for class, expansion := range map[string]string{
		"[:upper:]": "A-Z", "[:lower:]": "a-z", "[:digit:]": "0-9", "[:alpha:]": "A-Za-z", "[:alnum:]": "A-Za-z0-9",
		"[:space:]": " \t\n\v\f\r", `\n`: "\n", `\t`: "\t", `\r`: "\r", `\0`: "\x00", `\\`: `\`,
	} {
		set = strings.ReplaceAll(set, class, expansion)
	}
	var all []byte
	for index := 0; index < len(set); index++ {
		if index+2 < len(set) && set[index+1] == '-' && set[index] <= set[index+2] {
			for letter := int(set[index]); letter <= int(set[index+2]); letter++ {
				all = append(all, byte(letter))
			}
			index += 2
			continue
		}
		all = append(all, set[index])
	}
	return all
}
