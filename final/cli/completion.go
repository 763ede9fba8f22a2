package cli

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"mytinydocker/final/engine"
)

// Completion works in two steps. A shell asks `tinydocker __complete WORD...` for what
// the last of the words may become, each on a line of its own; what a shell does with
// that is in a script for each. The words are arguments and never evaluated: what
// somebody has typed and not yet entered must not run.

//go:embed completion
var completionScripts embed.FS

var shells = []string{"bash", "zsh", "fish"}

func (a *app) completion() *cli.Command {
	return &cli.Command{
		Name: "completion", Category: systemCategory, Usage: "print a script that has a shell complete our commands", ArgsUsage: strings.Join(shells, "|"),
		Description: `For this shell, and for all to come:
   source <(tinydocker completion bash)
   tinydocker completion bash > /etc/bash_completion.d/tinydocker
   tinydocker completion fish > ~/.config/fish/completions/tinydocker.fish`,
		Metadata: completed(func(*engine.Engine) ([]string, error) { return shells, nil }),
		Action: func(_ context.Context, command *cli.Command) error {
			shell := command.Args().First()
			if !slices.Contains(shells, shell) || command.Args().Len() != 1 {
				return fmt.Errorf("completion: name a shell: %s", strings.Join(shells, ", "))
			}
			script, err := completionScripts.ReadFile("completion/tinydocker." + shell)
			if err != nil {
				return err
			}
			_, err = a.stdout.Write(script)
			return err
		},
	}
}

// completer lists what an argument of a command may be.
type completer func(*engine.Engine) ([]string, error)

// completed is the metadata of a command whose arguments are completed.
func completed(list completer) map[string]any { return map[string]any{"complete": list} }

// containersThat completes the names of the containers that a command is good for.
func containersThat(suit func(*engine.Container) bool) map[string]any {
	return completed(func(containers *engine.Engine) ([]string, error) {
		list, err := containers.List()
		if err != nil {
			return nil, err
		}
		var names []string
		for index := range list {
			if list[index].Name != "" && suit(&list[index]) {
				names = append(names, list[index].Name)
			}
		}
		return names, nil
	})
}

func anyContainer(*engine.Container) bool       { return true }
func runningContainer(c *engine.Container) bool { return c.Running() }
func containerAtRest(c *engine.Container) bool  { return !c.Running() }

// imageNames completes the names of images, without the tag that is meant anyway.
func imageNames(containers *engine.Engine) ([]string, error) {
	images, err := containers.Images()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, image := range images {
		names = append(names, strings.TrimSuffix(image.Reference.String(), ":latest"))
	}
	return names, nil
}

// complete is the hidden command that shells ask.
func (a *app) complete() *cli.Command {
	return &cli.Command{
		Name: "__complete", Hidden: true, SkipFlagParsing: true,
		Action: func(_ context.Context, command *cli.Command) error {
			words := command.Args().Slice()
			if len(words) == 0 {
				return nil
			}
			typed := words[len(words)-1]
			for _, candidate := range a.candidates(command, words[:len(words)-1], typed) {
				if strings.HasPrefix(candidate, typed) {
					fmt.Fprintln(a.stdout, candidate)
				}
			}
			return nil
		},
	}
}

// candidates are all words that may stand behind others. Nobody is told if there is
// a reason that there are none: the person is in the midst of typing.
func (a *app) candidates(asking *cli.Command, words []string, typed string) []string {
	root := asking.Root()
	command, positional, valueOf := atCursor(root, words)
	switch {
	case valueOf != "":
		return a.values(asking, valueOf)
	case strings.HasPrefix(typed, "-"):
		return flagNames(root, command)
	case positional == 0 && len(command.Commands) > 0:
		var names []string
		for _, sub := range command.VisibleCommands() {
			names = append(names, sub.Name)
		}
		return names
	case command.StopOnNthArg != nil && positional >= *command.StopOnNthArg:
		return nil // the container's own program and files
	}
	list, ok := command.Metadata["complete"].(completer)
	if !ok {
		return nil
	}
	return a.listed(asking, list)
}

func (a *app) listed(asking *cli.Command, list completer) []string {
	containers, err := a.engine(asking)
	if err != nil {
		return nil
	}
	names, err := list(containers)
	if err != nil {
		return nil
	}
	return names
}

// atCursor finds the command that the words belong to, how many of its arguments have
// been typed, and the flag, if any, whose value comes next.
func atCursor(root *cli.Command, words []string) (command *cli.Command, positional int, valueOf string) {
	command = root
	for index := 0; index < len(words); index++ {
		word := words[index]
		if strings.HasPrefix(word, "-") && word != "-" {
			name := strings.TrimLeft(word, "-")
			if strings.Contains(name, "=") || !takesValue(root, command, name) {
				continue
			}
			if index++; index == len(words) {
				return command, positional, name
			}
			continue
		}
		if found := command.Command(word); found != nil && positional == 0 {
			command = found
			continue
		}
		positional++
	}
	return command, positional, ""
}

func flagNames(root, command *cli.Command) []string {
	var names []string
	for _, flag := range slices.Concat(command.Flags, root.Flags) {
		name := flag.Names()[0]
		if len(name) > 1 {
			name = "-" + name
		}
		names = append(names, "-"+name)
	}
	return append(names, "--help")
}

// values are what the value of a flag may be, as far as that can be listed.
func (a *app) values(asking *cli.Command, flag string) []string {
	known := map[string][]string{
		"restart":      {"no", "on-failure", "always", "unless-stopped"},
		"log-driver":   {"json-file", "none"},
		"userns":       {"auto", "host"},
		"log-opt":      {"max-size=", "max-file="},
		"security-opt": {"no-new-privileges", "no-new-privileges=false", "seccomp=unconfined", "seccomp="},
		"signal":       {"TERM", "KILL", "HUP", "INT", "QUIT", "USR1", "USR2", "STOP", "CONT"},
		"stop-signal":  {"TERM", "HUP", "INT", "QUIT", "USR1", "USR2"},
		"format":       {"json", "table "},
	}
	if flag == "s" {
		flag = "signal"
	}
	return known[flag]
}
