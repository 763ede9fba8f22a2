package cli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A command that is made alone is the one of the tree, and any other command line
// gets the whole tree.
func TestCommandThatIsMadeAloneIsThatOfTheTree(t *testing.T) {
	app := new(app)
	whole := app.command()

	for _, name := range []string{"run", "create", "start", "exec", "ps", "inspect", "logs", "stop", "kill", "wait", "rm", "version"} {
		alone := app.commandFor([]string{"tinydocker", name, "--help"})

		require.Len(t, alone.Commands, 1, name)
		require.Equal(t, whole.Command(name).Usage, alone.Command(name).Usage)
		require.Len(t, alone.Command(name).Flags, len(whole.Command(name).Flags), name)
	}
	for _, args := range [][]string{{"tinydocker"}, {"tinydocker", "--help"}, {"tinydocker", "nosuch"}, {"tinydocker", "--explain", "run"}} {
		require.Len(t, app.commandFor(args).Commands, len(whole.Commands), args)
	}
}
