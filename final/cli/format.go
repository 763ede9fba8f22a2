package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"
	"text/tabwriter"
	"text/template"

	"github.com/urfave/cli/v3"
)

// A list of objects is printed as a table, as only their ids, as a JSON object on
// each line, or by a Go template: what --format and --quiet say, as Docker's commands
// have it. A row is a struct whose fields are what a template can name, so that every
// format shows the same.

// column is a column of a table: its heading and the field of a row that it shows.
type column struct{ heading, field string }

// listing is a list to be printed.
type listing[Row any] struct {
	columns []column             // of the table that is shown by default
	more    map[string]string    // headings of the fields that only a template shows
	id      func(row Row) string // what --quiet prints
	rows    []Row
}

// formatFlags are the flags of every command that lists.
func formatFlags(more ...cli.Flag) []cli.Flag {
	return append(more,
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print only the ids"},
		&cli.BoolFlag{Name: "no-trunc", Usage: "cut nothing short"},
		&cli.StringFlag{Name: "format", Usage: "print by a `TEMPLATE` of Go, as in '{{.ID}}: {{.Status}}', \"table TEMPLATE\", or json"},
	)
}

// print prints the list as the command's flags say.
func (l listing[Row]) print(command *cli.Command, out io.Writer) error {
	format := command.String("format")
	if command.Bool("quiet") {
		for _, row := range l.rows {
			fmt.Fprintln(out, l.id(row))
		}
		return nil
	}
	if format == "json" {
		return printJSONLines(out, l.rows)
	}
	text, isTable := strings.CutPrefix(format, "table")
	text = strings.TrimSpace(text)
	if text == "" {
		isTable = true
		fields := make([]string, 0, len(l.columns))
		for _, column := range l.columns {
			fields = append(fields, "{{."+column.field+"}}")
		}
		text = strings.Join(fields, `\t`)
	}
	parsed, err := parseFormat(text)
	if err != nil {
		return err
	}
	if !isTable {
		return execute(parsed, out, l.rows)
	}
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	if err := execute(parsed, table, []heading{l.heading()}); err != nil {
		return err
	}
	if err := execute(parsed, table, l.rows); err != nil {
		return err
	}
	return table.Flush()
}

// heading is what a template makes the first line of a table of: for each field of
// the rows, the heading of its column.
type heading map[string]string

// Label is the heading of a column that shows one label.
func (h heading) Label(name string) string { return strings.ToUpper(name) }

func (l listing[Row]) heading() heading {
	all := make(heading)
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Row]()) {
		all[field.Name] = headingOf(field.Name)
	}
	for _, column := range l.columns {
		all[column.field] = column.heading
	}
	for field, text := range l.more {
		all[field] = text
	}
	return all
}

var wordStart = regexp.MustCompile(`([a-z])([A-Z])`)

// headingOf makes a heading of the name of a field: RunningFor is RUNNING FOR.
func headingOf(field string) string {
	return strings.ToUpper(wordStart.ReplaceAllString(field, "$1 $2"))
}

func execute[Row any](parsed *template.Template, out io.Writer, rows []Row) error {
	for _, row := range rows {
		var line bytes.Buffer
		if err := parsed.Execute(&line, row); err != nil {
			return templateError(err)
		}
		fmt.Fprintln(out, line.String())
	}
	return nil
}

// parseFormat parses a template of a user's. A shell leaves \t and \n in it as they
// are.
func parseFormat(text string) (*template.Template, error) {
	parsed, err := template.New("").Funcs(formatFunctions).Parse(strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(text))
	if err != nil {
		return nil, templateError(err)
	}
	return parsed, nil
}

func templateError(err error) error {
	text := strings.TrimPrefix(err.Error(), "template: ")
	return fmt.Errorf("invalid --format: %s", strings.TrimPrefix(text, ":"))
}

// formatFunctions are those of Docker's templates.
var formatFunctions = template.FuncMap{
	"json": func(value any) (string, error) {
		content, err := json.Marshal(value)
		return string(content), err
	},
	"upper": strings.ToUpper,
	"lower": strings.ToLower,
	"title": func(text string) string {
		if text == "" {
			return ""
		}
		return strings.ToUpper(text[:1]) + text[1:]
	},
	"split":    strings.Split,
	"join":     strings.Join,
	"pad":      pad,
	"truncate": truncate,
	"println":  fmt.Sprintln,
}

// pad puts spaces before and behind a text that is not empty.
func pad(text string, before, behind int) string {
	if text == "" {
		return ""
	}
	return strings.Repeat(" ", max(0, before)) + text + strings.Repeat(" ", max(0, behind))
}

func truncate(text string, length int) string {
	if runes := []rune(text); length >= 0 && len(runes) > length {
		return string(runes[:length])
	}
	return text
}

func printJSONLines[Row any](out io.Writer, rows []Row) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for _, row := range rows {
		if err := encoder.Encode(row); err != nil {
			return err
		}
	}
	return nil
}

// printObjects prints what inspect found: a JSON list of all, or by a template one
// after the other.
func printObjects(command *cli.Command, out io.Writer, objects []any) error {
	format := command.String("format")
	switch format {
	case "":
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "    ")
		if objects == nil {
			objects = []any{}
		}
		return encoder.Encode(objects)
	case "json":
		return printJSONLines(out, objects)
	}
	parsed, err := parseFormat(format)
	if err != nil {
		return err
	}
	for _, object := range objects {
		if err := executeOn(parsed, out, object); err != nil {
			return err
		}
	}
	return nil
}

// executeOn executes a template on an object that inspect has found. Its fields can be
// named as they are printed, too: {{.Id}}.
func executeOn(parsed *template.Template, out io.Writer, object any) error {
	var line bytes.Buffer
	first := parsed.Execute(&line, object)
	if first != nil {
		content, err := json.Marshal(object)
		if err != nil {
			return err
		}
		var printed any
		if err := json.Unmarshal(content, &printed); err != nil {
			return err
		}
		line.Reset()
		if parsed.Option("missingkey=error").Execute(&line, printed) != nil {
			return templateError(first)
		}
	}
	fmt.Fprintln(out, line.String())
	return nil
}

// filters are the values of --filter by their keys.
type filters map[string][]string

// parseFilters parses repeated KEY=VALUE and refuses keys that the command does not
// know.
func parseFilters(command *cli.Command, known ...string) (filters, error) {
	all := make(filters)
	for _, text := range command.StringSlice("filter") {
		key, value, valued := strings.Cut(text, "=")
		if !valued {
			return nil, fmt.Errorf("invalid filter %q: as in %s=VALUE", text, known[0])
		}
		found := false
		for _, name := range known {
			found = found || name == key
		}
		if !found {
			return nil, fmt.Errorf("unknown filter %q: %s", key, strings.Join(known, ", "))
		}
		all[key] = append(all[key], value)
	}
	return all, nil
}

// filterFlag is the flag that parseFilters parses.
func filterFlag(known ...string) *cli.StringSliceFlag {
	return &cli.StringSliceFlag{Name: "filter", Aliases: []string{"f"}, Usage: "only those with `KEY=VALUE`; keys are " + strings.Join(known, ", ")}
}

// match reports whether one of the values given for key is accepted. Without any
// there is nothing to be accepted.
func (f filters) match(key string, accept func(value string) bool) bool {
	values, given := f[key]
	if !given {
		return true
	}
	for _, value := range values {
		if accept(value) {
			return true
		}
	}
	return false
}

// matchLabels reports whether all labels given are there: KEY, or KEY=VALUE.
func (f filters) matchLabels(labels map[string]string) bool {
	for _, wanted := range f["label"] {
		key, value, valued := strings.Cut(wanted, "=")
		has, exists := labels[key]
		if !exists || valued && has != value {
			return false
		}
	}
	return true
}
