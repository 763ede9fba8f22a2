package chapters

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// A test that a README names for an exercise is what tells the learner that it is
// done. So it fails on the starter; that it passes on the solution, the
// chapter's own suite shows.
func TestStarters(t *testing.T) {
	if *proofs {
		t.Skip("these prove more, step by step")
	}
	for index, chapter := range All {
		t.Run(chapter.Folder, func(t *testing.T) {
			testbed.Require(t, testbed.Root, testbed.GoTool)
			readme, err := os.ReadFile(filepath.Join(root, chapter.Folder, "README.md"))
			require.NoError(t, err)
			wanted := TestsOfExercises(string(readme))
			require.NotEmpty(t, wanted)

			starter := buildAhead(t, []variant{{chapter: chapter}})()

			for _, name := range wanted {
				result := starter.run(t, name)
				output := result.Stdout + result.Stderr
				if strings.Contains(output, "--- SKIP: "+name) {
					continue // the chapter's own suite says what is missing
				}
				require.NotZero(t, result.Code, "%s passes on the starter, or is not there:\n%s", name, output)
				require.Regexp(t, fmt.Sprintf(`panic: chapter %d, step \d+: |--- FAIL: %s`, index+1, name), output)
			}
		})
	}
}

func TestEveryExerciseIsInTheReadme(t *testing.T) {
	for _, chapter := range All {
		readme, err := os.ReadFile(filepath.Join(root, chapter.Folder, "README.md"))
		require.NoError(t, err)
		exercises, err := Exercises(root, chapter.Folder)
		require.NoError(t, err)
		require.NotEmpty(t, exercises, chapter.Folder)
		for _, exercise := range exercises {
			require.Contains(t, section(string(readme), "Exercises"), "`"+exercise.Function+"`", chapter.Folder)
		}
	}
}

func TestTestsOfExercises(t *testing.T) {
	const readme = "## Break it\n\n`TestEarlier`\n\n## Exercises\n\n1. Write `x`. (`TestOne`, `TestTwo`)\n2. (`TestOne`)\n"

	require.Equal(t, []string{"TestOne", "TestTwo"}, TestsOfExercises(readme))
}

// shareable is a folder into which Go can write, even if it runs as somebody else.
// (Nobody else gets into that of t.TempDir.)
func shareable(t *testing.T) string {
	t.Helper()
	folder := testbed.StateRoot(t)
	require.NoError(t, os.Chmod(folder, 0o777))
	return folder
}
