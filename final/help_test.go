package main

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestEveryCommandHasHelp(t *testing.T) {
	host := newHost(t)
	help := host.ok("--help")
	commands := regexp.MustCompile(`(?m)^   ([a-z]+) +\S`).FindAllStringSubmatch(help, -1)
	require.Greater(t, len(commands), 10)
	for _, command := range commands {
		text := host.ok(command[1], "--help")

		require.Contains(t, text, "Usage: tinydocker "+command[1])
		require.NotContains(t, text, "Options:\n\n", command[1])
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "       --") || regexp.MustCompile(`^   -[a-z], --`).MatchString(line) {
				require.Regexp(t, `^ +(-[a-zA-Z], )?--[a-z-]+(, --[a-z-]+)*( \S+)?   +\S.*`, line, command[1])
			}
		}
		require.NotContains(t, text, "`", command[1])
	}
	require.Contains(t, host.ok("run", "--help"), "tinydocker run -it --rm base")
}

func TestHelpNeedsNoRootFolder(t *testing.T) {
	result := testbed.Command{Path: testbed.Build(t, "."), Args: []string{"--root", "/proc/nosuch", "ps", "--help"}}.Run(t)

	require.Zero(t, result.Code, result.Stderr)
	require.NotContains(t, result.Stdout, "--run-root")
}

func TestCompletionKnowsWhatThereIs(t *testing.T) {
	host := newHost(t)
	host.ok("create", "--name", "resting", "base", "true")
	host.ok("run", "-d", "--name", "running", "base", "sh", "-c", patient)
	host.ready("running")
	t.Cleanup(func() { host.tinydocker("rm", "-f", "running", "resting") })
	for words, want := range map[string]string{
		"st":                 "start stop stats",
		"stop +":             "running",
		"start +":            "resting",
		"rm r":               "running resting",
		"rm resting r":       "running resting",
		"run b":              "base",
		"run -it --name x b": "base",
		"run --restart on":   "on-failure",
		"run base c":         "",
		"logs --ti":          "--timestamps",
		"nosuch x":           "",
		"kill -s K":          "KILL",
		"completion +":       "bash zsh fish",
	} {
		fields := strings.Fields(words)
		if fields[len(fields)-1] == "+" {
			fields[len(fields)-1] = ""
		}
		got := host.ok(append([]string{"__complete"}, fields...)...)

		require.Equal(t, want, strings.Join(strings.Fields(got), " "), words)
	}
}

// What somebody has typed and not entered must not run.
func TestCompletionRunsNothingThatIsTyped(t *testing.T) {
	host := newHost(t)
	command := host.command()
	folder := t.TempDir()
	script := `source <("$1" completion bash); cd "$2"
		COMP_WORDS=("$1" rm '$(touch made)' ''); COMP_CWORD=3; _tinydocker; echo "got ${COMPREPLY[*]}"
		COMP_WORDS=("$1" sta); COMP_CWORD=1; _tinydocker; echo "got ${COMPREPLY[*]}"
		COMP_WORDS=("$1" run --security-opt seccomp = un); COMP_CWORD=5; _tinydocker; echo "got ${COMPREPLY[*]}"`
	bash := exec.Command("bash", "-c", script, "bash", command.Path, folder)
	bash.Env = command.Env

	output, err := bash.CombinedOutput()

	require.NoError(t, err, "%s", output)
	require.Equal(t, "got \ngot start stats\ngot unconfined\n", string(output))
	require.NoFileExists(t, folder+"/made")
}
