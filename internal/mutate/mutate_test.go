package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
	"mytinydocker/internal/testbed/chapters"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == cellRole {
		fmt.Fprintln(os.Stderr, enterCell(os.Args[2], os.Args[3:]))
		os.Exit(1)
	}
	testbed.Main(m)
}

// A table that nobody runs every day has to stay true by itself.
func TestEachMutantIsAMistakeInItsFile(t *testing.T) {
	require.Len(t, table, len(chapters.All))
	total := 0
	for index, mutants := range table {
		folder := filepath.Join("../..", chapters.All[index].Folder)
		require.GreaterOrEqual(t, len(mutants), 8, folder)
		names := make(map[string]bool)
		for _, mutant := range mutants {
			_, err := mutant.mutated(folder)
			require.NoError(t, err, folder)
			require.NotEmpty(t, mutant.Run, mutant.Name)
			require.False(t, names[mutant.Name], "%s: two are called %q", folder, mutant.Name)
			names[mutant.Name] = true
		}
		total += len(mutants)
	}
	require.GreaterOrEqual(t, total, 60)
}

const (
	program = `package main

func double(n int) int { return 2 * n }

func main() { println(double(21)) }
`
	tests = `package main

import (
	"os/exec"
	"os"
	"path/filepath"
	"testing"
)

func TestDouble(t *testing.T) {
	if double(2) != 4 {
		t.Fatal("no")
	}
}

func TestProgram(t *testing.T) {
	output, _ := exec.Command(filepath.Join(os.Getenv("TESTBED_BINARIES"), "madeup")).CombinedOutput()
	if string(output) != "42\n" {
		t.Fatalf("%s", output)
	}
}

func TestSkipped(t *testing.T) { t.Skip("always") }
`
)

func madeUp(t *testing.T) string {
	t.Helper()
	testbed.Require(t, testbed.GoTool)
	folder := filepath.Join(testbed.StateRoot(t), "madeup")
	require.NoError(t, os.Mkdir(folder, 0o755))
	require.NoError(t, os.Chmod(filepath.Dir(folder), 0o755))
	for name, content := range map[string]string{"go.mod": "module madeup\n", "main.go": program, "main_test.go": tests} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644))
	}
	return folder
}

func TestMutantsOfAMadeUpChapter(t *testing.T) {
	folder := madeUp(t)
	defer func(before time.Duration) { deadline = before }(deadline)
	deadline = 3 * time.Second
	var told []string

	verdicts, err := tryAll(folder, []Mutant{
		{"seen in the package", "main.go", "2 * n", "3 * n", "TestDouble"},
		{"seen in the program", "main.go", "double(21)", "double(20)", "TestDouble|TestProgram"},
		{"not seen", "main.go", "double(21)", "double(20)", "TestDouble"},
		{"endless", "main.go", "{ return", "{ for { }; return", "TestDouble"},
		{"not tested here", "main.go", "2 * n", "3 * n", "TestSkipped"},
	}, func(v Verdict) { told = append(told, v.String()) })

	require.NoError(t, err)
	require.Len(t, verdicts, 5)
	require.Equal(t, []string{
		"seen in the package: killed by TestDouble",
		"seen in the program: killed by TestProgram",
		"not seen: SURVIVED TestDouble",
		"endless: killed by the deadline",
		"not tested here: skipped, as its tests are on this machine",
	}, told)
	content, err := os.ReadFile(filepath.Join(folder, "main.go"))
	require.NoError(t, err)
	require.Equal(t, program, string(content))
}

func TestMistakesOfTheTable(t *testing.T) {
	folder := madeUp(t)
	for want, mutant := range map[string]Mutant{
		"does not compile": {"broken", "main.go", "2 * n", "2 *", "TestDouble"},
		"0 times":          {"gone", "main.go", "4 * n", "3 * n", "TestDouble"},
		"2 times":          {"twice", "main.go", "double(", "triple(", "TestDouble"},
		"no test":          {"untested", "main.go", "2 * n", "3 * n", "TestNothing"},
	} {
		_, err := tryAll(folder, []Mutant{mutant}, func(Verdict) {})

		require.ErrorContains(t, err, want)
	}
}

func TestTestThatFailsAnywaySeesNothing(t *testing.T) {
	folder := madeUp(t)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "main.go"), []byte("package main\n\nfunc double(n int) int { return n }\n\nfunc main() {}\n"), 0o644))

	_, err := tryAll(folder, []Mutant{{"any", "main.go", "return n", "return 3 * n", "TestDouble"}}, func(Verdict) {})

	require.ErrorContains(t, err, "without a mutant")
}

func TestNineOfTen(t *testing.T) {
	seen, unseen := Verdict{Killer: "TestIt"}, Verdict{Mutant: Mutant{Name: "lost"}}
	nine := []Verdict{seen, seen, seen, seen, seen, seen, seen, seen, seen, unseen, {Skipped: true}}

	require.NoError(t, summarize(nine))
	require.ErrorContains(t, summarize([]Verdict{seen, unseen}), "lost")
	require.Error(t, summarize(nil))
}
