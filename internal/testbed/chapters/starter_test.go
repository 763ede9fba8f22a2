package chapters

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// A test that a README names for an exercise is what tells the learner that it is
// done. So it fails on the starter; that it passes on the solution, the
// chapter's own suite shows.
func TestStarters(t *testing.T) {
	for index, chapter := range All {
		t.Run(chapter.Folder, func(t *testing.T) {
			testbed.Require(t, testbed.Root, testbed.GoTool)
			readme, err := os.ReadFile(filepath.Join(root, chapter.Folder, "README.md"))
			require.NoError(t, err)
			wanted := TestsOfExercises(string(readme))
			require.NotEmpty(t, wanted)

			tests := buildStarter(t, chapter)

			for _, name := range wanted {
				result := tests(name)
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

// buildStarter builds the program and the tests of a chapter's starter, without
// writing into the chapter, and returns what runs one of the tests.
func buildStarter(t *testing.T, chapter Chapter) func(name string) testbed.Result {
	t.Helper()
	folder := shareable(t)
	overlay := writeOverlay(t, folder, chapter)
	program, tests := filepath.Join(folder, "bin", chapter.Folder), filepath.Join(folder, "tests")
	build(t, chapter, "build", "-buildvcs=false", overlay, "-o", program)
	build(t, chapter, "test", "-c", overlay, "-o", tests)
	return func(name string) testbed.Result {
		return testbed.Command{
			Path:     tests,
			Args:     []string{"-test.v", "-test.run=^" + regexp.QuoteMeta(name) + "$"},
			Dir:      filepath.Join(root, chapter.Folder),
			Env:      append(os.Environ(), "TESTBED_BINARIES="+filepath.Dir(program), "TESTBED_MUST="),
			Deadline: 2 * time.Minute,
		}.Run(t)
	}
}

// shareable is a folder into which Go can write, even if it runs as somebody else.
// (Nobody else gets into that of t.TempDir.)
func shareable(t *testing.T) string {
	t.Helper()
	folder := testbed.StateRoot(t)
	require.NoError(t, os.Chmod(folder, 0o777))
	return folder
}

// writeOverlay writes the starter's files and returns the flag that has Go take
// them in place of the chapter's (`go help build`).
func writeOverlay(t *testing.T, folder string, chapter Chapter) string {
	t.Helper()
	files, err := Starter(root, chapter.Folder)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for name, content := range files {
		original, err := filepath.Abs(filepath.Join(root, chapter.Folder, name))
		require.NoError(t, err)
		overlay.Replace[original] = filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(overlay.Replace[original], content, 0o644))
	}
	content, err := json.Marshal(overlay)
	require.NoError(t, err)
	path := filepath.Join(folder, "overlay.json")
	require.NoError(t, os.WriteFile(path, content, 0o644))
	return "-overlay=" + path
}

func build(t *testing.T, chapter Chapter, arguments ...string) {
	t.Helper()
	command := testbed.Go(arguments...)
	command.Dir = filepath.Join(root, chapter.Folder)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "the starter does not compile:\n%s", output)
}
