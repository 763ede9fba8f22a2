package cli

import "github.com/urfave/cli/v3"

// given are the flags of a command by all their names, for who asks for many of them:
// cli.Command looks through all of its flags, and makes lists of their names, for each.
type given map[string]cli.Flag

func flagsOf(command *cli.Command) given {
	flags := make(given, 2*len(command.Flags))
	for _, flag := range command.Flags {
		for _, name := range flag.Names() {
			flags[name] = flag
		}
	}
	return flags
}

// valueOf returns the value of a flag, or the zero value if the command has no such flag.
func valueOf[T any](flags given, name string) (value T) {
	if flag, there := flags[name]; there {
		value = flag.Get().(T)
	}
	return value
}

func (g given) IsSet(name string) bool           { return g[name] != nil && g[name].IsSet() }
func (g given) Bool(name string) bool            { return valueOf[bool](g, name) }
func (g given) Int(name string) int              { return valueOf[int](g, name) }
func (g given) Int64(name string) int64          { return valueOf[int64](g, name) }
func (g given) Uint64(name string) uint64        { return valueOf[uint64](g, name) }
func (g given) Float(name string) float64        { return valueOf[float64](g, name) }
func (g given) String(name string) string        { return valueOf[string](g, name) }
func (g given) StringSlice(name string) []string { return valueOf[[]string](g, name) }
