package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// listed is a line of `ps`.
type listed struct {
	record *Record
	status string
}

// List prints the containers that run, or all there are, the newest first.
func List(root string, all bool, to io.Writer) error {
	containers, err := containersIn(root)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(to, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "NAME\tIMAGE\tCOMMAND\tCREATED\tSTATUS")
	for _, container := range containers {
		if !all && container.status != "Up" {
			continue
		}
		record := container.record
		created := ""
		if !record.Created.IsZero() {
			created = record.Created.Local().Format("2006-01-02 15:04:05")
		}
		fmt.Fprintf(table, "%s\t%s\t\"%s\"\t%s\t%s\n", record.Name, record.Image, quoteCommand(record.Command), created, container.status)
	}
	return table.Flush()
}

// containersIn returns all containers. A damaged record harms only its own; one that
// is removed meanwhile is none.
func containersIn(root string) ([]listed, error) {
	entries, err := os.ReadDir(filepath.Join(root, "containers"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list the containers: %w", err)
	}
	var containers []listed
	for _, entry := range entries {
		record, err := loadRecord(root, entry.Name())
		if errors.Is(err, errDamaged) {
			containers = append(containers, listed{&Record{Name: entry.Name()}, "Damaged"})
		}
		if err != nil {
			continue
		}
		status, err := record.status(root)
		if err != nil {
			return nil, err
		}
		containers = append(containers, listed{record, status})
	}
	slices.SortStableFunc(containers, func(a, b listed) int { return b.record.Created.Compare(a.record.Created) })
	return containers, nil
}

// quoteCommand returns a command as one would type it in a shell, on one line, and
// without anything that a terminal would obey.
func quoteCommand(command []string) string {
	var words []string
	for _, word := range command {
		if word == "" || strings.ContainsAny(word, " \t\n'\"\\$`*?[]{}()<>|&;#~!") {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		words = append(words, word)
	}
	var printable strings.Builder
	for _, character := range strings.Join(words, " ") {
		if strconv.IsPrint(character) {
			printable.WriteRune(character)
			continue
		}
		printable.WriteString(strings.Trim(strconv.QuoteRuneToASCII(character), "'"))
	}
	return printable.String()
}
