package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v3"
)

// printHelp prints the help of a command: what it is for, how it is called, examples,
// and its flags under headings, in the order in which they are declared.
func printHelp(out io.Writer, command *cli.Command) {
	root := command.Root()
	path := command.FullName()
	if command == root {
		fmt.Fprintf(out, "%s: %s\n\nUsage: %s [OPTIONS] COMMAND\n", path, command.Usage, path)
	} else {
		fmt.Fprintf(out, "%s\n\nUsage: %s%s\n", sentence(command.Usage), path, synopsis(command))
	}
	if command.Description != "" {
		fmt.Fprintf(out, "\nExamples:\n%s\n", indent(command.Description))
	}
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	printCommands(table, command)
	printFlags(table, command)
	if command == root {
		fmt.Fprintf(table, "\n%s COMMAND --help says more about a command.\n", path)
	} else {
		fmt.Fprintf(table, "\nEvery command takes --explain, too, and says then what it does to the kernel.\n")
	}
	_ = table.Flush() // to a terminal or a pipe whose reader has gone: there is nobody to tell
}

func synopsis(command *cli.Command) string {
	text := ""
	if len(command.Flags) > 0 {
		text += " [OPTIONS]"
	}
	if len(command.Commands) > 0 {
		text += " COMMAND"
	}
	if command.ArgsUsage != "" {
		text += " " + command.ArgsUsage
	}
	return text
}

func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] + "." }

func indent(text string) string {
	return "   " + strings.ReplaceAll(text, "\n", "\n   ")
}

func printCommands(out io.Writer, command *cli.Command) {
	var categories []string
	for _, sub := range command.VisibleCommands() {
		if !slices.Contains(categories, sub.Category) {
			categories = append(categories, sub.Category)
		}
	}
	for _, category := range categories {
		fmt.Fprintf(out, "\n%s:\n", headline(category, "Commands"))
		for _, sub := range command.VisibleCommands() {
			if sub.Category == category {
				fmt.Fprintf(out, "   %s\t%s\n", sub.Name, sub.Usage)
			}
		}
	}
}

func headline(category, other string) string {
	if category == "" {
		return other
	}
	return strings.ToUpper(category[:1]) + category[1:]
}

func printFlags(out io.Writer, command *cli.Command) {
	var categories []string
	for _, flag := range command.Flags {
		if flag.Names()[0] == "help" {
			continue
		}
		if category := categoryOf(flag); !slices.Contains(categories, category) {
			categories = append(categories, category)
		}
	}
	for _, category := range categories {
		fmt.Fprintf(out, "\n%s:\n", headline(category, "Options"))
		for _, flag := range command.Flags {
			if flag.Names()[0] != "help" && categoryOf(flag) == category {
				printFlag(out, flag)
			}
		}
	}
}

func categoryOf(flag cli.Flag) string {
	if categorized, ok := flag.(cli.CategorizableFlag); ok {
		return categorized.GetCategory()
	}
	return ""
}

// printFlag prints a flag with what its value is called, which is the word between
// backquotes in its usage.
func printFlag(out io.Writer, flag cli.Flag) {
	documented, ok := flag.(cli.DocGenerationFlag)
	if !ok {
		return
	}
	placeholder, usage := "", documented.GetUsage()
	if before, rest, found := strings.Cut(usage, "`"); found {
		if name, after, closed := strings.Cut(rest, "`"); closed {
			placeholder, usage = " "+name, before+name+after
		}
	}
	var short, long []string
	for _, name := range flag.Names() {
		if len(name) == 1 {
			short = append(short, "-"+name)
		} else {
			long = append(long, "--"+name)
		}
	}
	names := strings.Join(append(short, long...), ", ")
	if len(short) == 0 {
		names = "    " + names
	}
	if _, list := flag.(*cli.StringSliceFlag); list {
		usage += " (repeatable)"
	}
	fmt.Fprintf(out, "   %s%s\t%s\n", names, placeholder, usage)
}
