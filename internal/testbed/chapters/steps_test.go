package chapters

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const stepsReadme = "# T\n\n## Try it\n\n1. **No step.** `One`\n\n## Exercises\n\n" +
	"1. **First things.** Write `One` and\n   `other` in `a.go`. (`TestOne`,\n   `TestOther`)\n\n   Read \"Ones\" and\n   \"Twos\".\n\n" +
	"   See: it counts.\n\n   ```console\n   # ./a 1\n   1\n   ```\n" +
	"   <details><summary>Hint</summary>\n\n   A nudge.\n   </details>\n" +
	"   <details><summary>More</summary>\n\n   Nearly `One`:\n\n   ```go\n   return 1\n   ```\n   </details>\n" +
	"2. **The rest.** Write `Two` in `b.go`. (`TestTwo`)\n   <details><summary>Hint</summary>\n\n   Look.\n   </details>\n" +
	"3. **Further.** Think about `One`.\n   <details><summary>Hint</summary>\n\n   Long.\n   </details>\n"

func TestStepsAreThoseOfTheReadme(t *testing.T) {
	folder := tree(t, map[string]string{
		"a/README.md": stepsReadme,
		"a/a.go":      "package main\n\n//learn:exercise\nfunc One() int { return 1 }\n\n//learn:exercise\nfunc other() {}\n",
		"a/b.go":      "package main\n\n//learn:exercise\nfunc Two() int { return 2 }\n",
	})
	old := All
	defer func() { All = old }()
	All = []Chapter{{Folder: "a"}}

	steps, err := Steps(folder, "a")

	require.NoError(t, err)
	require.Equal(t, []Step{
		{
			Number: 1, Title: "First things", Text: "Write `One` and `other` in `a.go`. (`TestOne`, `TestOther`)",
			Read: []string{"Ones", "Twos"}, See: "it counts.\n\n```console\n# ./a 1\n1\n```",
			Exercises: []Exercise{{"a.go", "One"}, {"a.go", "other"}}, Tests: []string{"TestOne", "TestOther"},
			Hints: []string{"A nudge.", "Nearly `One`:\n\n```go\nreturn 1\n```"},
		},
		{
			Number: 2, Title: "The rest", Text: "Write `Two` in `b.go`. (`TestTwo`)",
			Exercises: []Exercise{{"b.go", "Two"}}, Tests: []string{"TestTwo"}, Hints: []string{"Look."},
		},
	}, steps)
}

// Every exercise belongs to one step, and a step has something to write, a test that
// tells when it is done, something to see then, a place that teaches it, and a hint.
func TestStepsOfTheChapters(t *testing.T) {
	for _, chapter := range All {
		t.Run(chapter.Folder, func(t *testing.T) {
			steps, err := Steps(root, chapter.Folder)
			require.NoError(t, err)
			exercises, err := Exercises(root, chapter.Folder)
			require.NoError(t, err)
			var found []Exercise
			for index, step := range steps {
				require.Equal(t, index+1, step.Number)
				require.NotEmpty(t, step.Exercises, step.Title)
				require.NotEmpty(t, step.Tests, step.Title)
				require.NotEmpty(t, step.Hints, step.Title)
				require.NotEmpty(t, step.See, "what is to be seen after step %d", step.Number)
				require.NotEmpty(t, step.Read, "what to read before step %d", step.Number)
				found = append(found, step.Exercises...)
			}
			require.ElementsMatch(t, exercises, found)
		})
	}
}
