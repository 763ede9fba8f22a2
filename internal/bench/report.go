package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// line is one comparison of a row, as the table has it.
type line struct {
	What, Name   string
	Own, Theirs  string // median and quartiles, with the unit
	Ratio, Limit string
	Met          string // yes, NO or nothing, where nothing is wanted
	ratio        float64
}

// linesOf are the comparisons of a row: with each that a ratio is wanted to, and then
// with the others.
func linesOf(r result) []line {
	own := r.Samples[r.Subject]
	others := slices.Sorted(maps.Keys(r.Samples))
	slices.SortStableFunc(others, func(a, b string) int { return wantedFirst(r, b) - wantedFirst(r, a) })
	var lines []line
	for _, name := range others {
		if name == r.Subject {
			continue
		}
		low, median, high := quartiles(ratios(own, r.Samples[name]))
		one := line{
			What: r.What, Name: name, Own: figure(own, r.Unit), Theirs: figure(r.Samples[name], r.Unit),
			Ratio: fmt.Sprintf("%.2f (%.2f to %.2f)", median, low, high), ratio: median,
		}
		if limit, wanted := r.Limits[name]; wanted {
			one.Limit, one.Met = fmt.Sprintf("%.2f", limit), "yes"
			if median > limit {
				one.Met = "NO"
			}
		}
		lines = append(lines, one)
	}
	if len(lines) == 0 {
		lines = []line{{What: r.What, Name: "nobody else here", Own: figure(own, r.Unit)}}
	}
	return lines
}

func wantedFirst(r result, name string) int {
	if _, wanted := r.Limits[name]; wanted {
		return 1
	}
	return 0
}

func figure(figures []float64, unit string) string {
	low, median, high := quartiles(figures)
	return fmt.Sprintf("%s %s (%s to %s)", short(median), unit, short(low), short(high))
}

func short(value float64) string {
	if value < 10 {
		return fmt.Sprintf("%.2f", value)
	}
	return fmt.Sprintf("%.0f", value)
}

// write prints the table, and puts everything into files of folder.
func write(results []result, folder string) error {
	if err := printTable(os.Stdout, results); err != nil {
		return err
	}
	content, err := json.MarshalIndent(results, "", "\t")
	if err != nil {
		return err
	}
	var problems []error
	for name, text := range map[string]string{
		"bench.json": string(content) + "\n", "bench.txt": benchmarkText(results), "bench.md": markdown(results), "bench.svg": chart(results),
	} {
		problems = append(problems, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644))
	}
	return errors.Join(problems...)
}

func printTable(out io.Writer, results []result) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHAT\tOURS\tAGAINST\tTHEIRS\tRATIO\tAT MOST\tMET")
	for _, result := range results {
		for _, l := range linesOf(result) {
			fmt.Fprintln(table, strings.Join([]string{result.Name, l.Own, l.Name, l.Theirs, l.Ratio, l.Limit, l.Met}, "\t"))
		}
	}
	return table.Flush()
}

// markdown is the table for a document.
func markdown(results []result) string {
	text := "| what | ours: median (quartiles) | against | theirs | ratio | at most | met |\n|---|---|---|---|---|---|---|\n"
	for _, result := range results {
		for _, l := range linesOf(result) {
			text += "| " + strings.Join([]string{l.What, l.Own, l.Name, l.Theirs, l.Ratio, l.Limit, l.Met}, " | ") + " |\n"
		}
	}
	return text
}

// benchmarkText has every sample as a line that benchstat reads
// (golang.org/design/14313-benchmark-format).
func benchmarkText(results []result) string {
	var text strings.Builder
	for _, result := range results {
		for _, name := range slices.Sorted(maps.Keys(result.Samples)) {
			for _, figure := range result.Samples[name] {
				unit, value := "ns/op", figure*1e6
				if result.Unit == "kB" {
					unit, value = "B", figure*1024
				}
				fmt.Fprintf(&text, "Benchmark%s/by=%s 1 %.0f %s\n", strings.ToUpper(result.Name[:1])+result.Name[1:], strings.ReplaceAll(name, " ", "_"), value, unit)
			}
		}
	}
	return text.String()
}
