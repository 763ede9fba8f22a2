package chapters

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../../.."

func TestEveryChapterIsListed(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join(root, "stage*"))
	require.NoError(t, err)
	var found, listed []string
	for _, folder := range folders {
		found = append(found, filepath.Base(folder))
	}
	for _, chapter := range All {
		listed = append(listed, chapter.Folder)
	}

	require.Equal(t, found, listed)
}

func TestUnchangedFilesAreTheSame(t *testing.T) {
	for index := range All[1:] {
		wrong, err := Differences(root, All[index], All[index+1])

		require.NoError(t, err)
		require.Empty(t, wrong, strings.Join(wrong, "\n"))
	}
}

func TestReadmes(t *testing.T) {
	for _, chapter := range All {
		t.Run(chapter.Folder, func(t *testing.T) {
			wrong, err := CheckReadme(filepath.Join(root, chapter.Folder))

			require.NoError(t, err)
			require.Empty(t, wrong, strings.Join(wrong, "\n"))
		})
	}
}

// A chapter stands alone, on little.
func TestImports(t *testing.T) {
	allowed := []string{"golang.org/x/sys/", "github.com/urfave/cli/v3", "github.com/sirupsen/logrus"}
	inTests := []string{"github.com/stretchr/testify/", "mytinydocker/internal/testbed", "mytinydocker/internal/base"}
	for number, chapter := range All {
		if number == 5 {
			allowed = append(allowed, "github.com/vishvananda/netlink")
		}
		files, err := filepath.Glob(filepath.Join(root, chapter.Folder, "*.go"))
		require.NoError(t, err)
		for _, path := range files {
			prefixes := allowed
			if strings.HasSuffix(path, "_test.go") {
				prefixes = append(prefixes[:len(prefixes):len(prefixes)], inTests...)
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			require.NoError(t, err)
			for _, spec := range file.Imports {
				name, err := strconv.Unquote(spec.Path.Value)
				require.NoError(t, err)
				require.True(t, isStandard(name) || hasPrefix(name, prefixes), "%s imports %s", path, name)
			}
		}
	}
}

func isStandard(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return !strings.Contains(first, ".") && first != "mytinydocker"
}

func hasPrefix(name string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// tree makes a folder with files, for tests of the checks themselves.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644))
	}
	return folder
}

func TestDifferencesAreFound(t *testing.T) {
	folder := tree(t, map[string]string{
		"a/same.go": "1", "b/same.go": "1", "a/changed.go": "1", "b/changed.go": "2", "a/secretly.go": "1", "b/secretly.go": "2",
		"a/missing.go": "1", "a/vain.go": "1", "b/vain.go": "1", "b/new.go": "1",
	})

	wrong, err := Differences(folder, Chapter{Folder: "a"}, Chapter{Folder: "b", Changes: []string{"changed.go", "vain.go"}})

	require.NoError(t, err)
	require.Len(t, wrong, 3)
	require.Contains(t, strings.Join(wrong, "\n"), "b/missing.go is missing")
	require.Contains(t, strings.Join(wrong, "\n"), "b/secretly.go differs")
	require.Contains(t, strings.Join(wrong, "\n"), "b/vain.go is listed")
}

func TestCarryStopsWhereAChapterDiffers(t *testing.T) {
	old := All
	defer func() { All = old }()
	All = []Chapter{{Folder: "a"}, {Folder: "b"}, {Folder: "c", Changes: []string{"x.go"}}, {Folder: "d"}}
	folder := tree(t, map[string]string{"a/x.go": "fixed", "b/x.go": "old", "c/x.go": "other", "d/x.go": "other"})

	written, err := Carry(folder, "a/x.go")

	require.NoError(t, err)
	require.Equal(t, []string{"b/x.go"}, written)
	content, err := os.ReadFile(filepath.Join(folder, "b/x.go"))
	require.NoError(t, err)
	require.Equal(t, "fixed", string(content))
	_, err = Carry(folder, "nosuch/x.go")
	require.Error(t, err)
}

func TestReadmeThatIsWrong(t *testing.T) {
	good := "# T\n\n## " + strings.Join(Headings, "\n\n## ") + "\n\n[file](run.go)\n\n```go file=run.go\n\treturn 1\n```\n"
	good += "\n```console\n--- FAIL: TestOne (0.01s)\n    run_test.go:4:\n        	Error Trace:	x/run_test.go:8\n                        x/run_test.go:4\n```\n"
	const tests = "package main\n\nfunc TestOne(t *testing.T) {\n\tcheck(t)\n}\n\nfunc check(t *testing.T) {\n\trequire.True(t, one() == 1)\n}\n\nfunc TestOther(t *testing.T) {\n\trequire.True(t, one() == 1)\n}\n"
	for name, content := range map[string]string{
		"good":       good,
		"other line": strings.Replace(good, "    run_test.go:4", "    run_test.go:6", 1),
		"other test": strings.Replace(good, "    run_test.go:4", "    run_test.go:12", 1),
		"no line":    strings.Replace(good, "x/run_test.go:8", "x/run_test.go:80", 1),
		"no test":    strings.Replace(good, "FAIL: TestOne", "FAIL: TestTwo", 1),
		"heading":    strings.Replace(good, "## Refactor\n", "", 1),
		"quote":      strings.Replace(good, "return 1", "return 2", 1),
		"link":       strings.Replace(good, "(run.go)", "(nosuch.go)", 1),
	} {
		wrong, err := CheckReadme(tree(t, map[string]string{"README.md": content, "run.go": "func one() int {\n\treturn 1\n}\n", "run_test.go": tests}))

		require.NoError(t, err)
		require.Equal(t, name == "good", len(wrong) == 0, "%s: %v", name, wrong)
	}
}
