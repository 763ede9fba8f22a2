package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

// separateValues rewrites args such that the value of a flag of one letter is an
// argument of its own: `-itp8080:80` becomes `-it -p 8080:80`. Users of Docker write
// it so, and the library does not know it. Arguments of the container's program stay
// as they are.
func separateValues(root *cli.Command, args []string) []string {
	command := root
	separated := slices.Clone(args[:min(1, len(args))])
	positional := 0
	for index := 1; index < len(args); index++ {
		argument := args[index]
		switch {
		case argument == "--", command.StopOnNthArg != nil && positional >= *command.StopOnNthArg:
			return append(separated, args[index:]...)
		case strings.HasPrefix(argument, "--"):
			separated = append(separated, argument)
			if !strings.Contains(argument, "=") && takesValue(root, command, argument[2:]) && index+1 < len(args) {
				index++
				separated = append(separated, args[index])
			}
		case len(argument) > 1 && argument[0] == '-':
			flags, value, open := splitShort(root, command, argument[1:])
			separated = append(separated, flags)
			if value != "" {
				separated = append(separated, value)
			} else if open && index+1 < len(args) {
				index++
				separated = append(separated, args[index])
			}
		default:
			separated = append(separated, argument)
			if found := command.Command(argument); found != nil && positional == 0 {
				command = found
				continue
			}
			positional++
		}
	}
	return separated
}

// splitShort separates the letters of flags from the value of the last one. open says
// that the value is the next argument.
func splitShort(root, command *cli.Command, letters string) (flags, value string, open bool) {
	for index, letter := range letters {
		if letter == '=' {
			break
		}
		if !takesValue(root, command, string(letter)) {
			continue
		}
		end := index + len(string(letter))
		rest := letters[end:]
		if strings.HasPrefix(rest, "=") {
			break
		}
		return "-" + letters[:end], rest, rest == ""
	}
	return "-" + letters, "", false
}

// takesValue reports whether a flag of the command, or of the root's that every
// command has, is followed by a value.
func takesValue(root, command *cli.Command, name string) bool {
	for _, flag := range slices.Concat(command.Flags, root.Flags) {
		if slices.Contains(flag.Names(), name) {
			_, isBool := flag.(*cli.BoolFlag)
			return !isBool
		}
	}
	return false
}
