package chapters

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// variant is a chapter as somebody has it who is at work on it: with some exercises
// solved, and perhaps one of them wrongly. Without any, it is the starter, in which
// whoever comes to an exercise leaves a trace.
type variant struct {
	chapter Chapter
	solved  []Exercise
	mistake mistake
}

// mistake stands in a file in the place of what is right, which is there once.
type mistake struct{ file, right, wrong string }

// built is a variant's program and its tests.
type built struct{ source, program, tests, trace string }

// buildAhead builds variants, one after the other and one ahead of what is asked for:
// while the tests of one run, which wait most of the time, the next is built.
func buildAhead(t *testing.T, variants []variant) (next func() built) {
	t.Helper()
	box := testbed.Build(t, "mytinydocker/internal/base/box") // once, and not by each test
	var folders []string
	for range variants {
		folders = append(folders, shareable(t))
	}
	type result struct {
		built built
		err   error
	}
	results := make(chan result)
	var ended atomic.Bool
	go func() {
		defer close(results)
		for index, variant := range variants {
			if ended.Load() {
				return
			}
			built, err := variant.build(folders[index])
			if err == nil {
				err = os.Symlink(box, filepath.Join(filepath.Dir(built.program), "box"))
			}
			results <- result{built, err}
		}
	}()
	t.Cleanup(func() { // before the folders go
		ended.Store(true)
		for range results {
		}
	})
	return func() built {
		t.Helper()
		result := <-results
		require.NoError(t, result.err)
		return result.built
	}
}

func (v variant) build(folder string) (built, error) {
	source, err := filepath.Abs(filepath.Join(root, v.chapter.Folder))
	if err != nil {
		return built{}, err
	}
	made := built{
		source: source, program: filepath.Join(folder, "bin", v.chapter.Folder),
		tests: filepath.Join(folder, "tests"), trace: filepath.Join(folder, "trace"),
	}
	files, err := v.files(made.trace)
	if err != nil {
		return built{}, err
	}
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for name, content := range files {
		overlay.Replace[filepath.Join(source, name)] = filepath.Join(folder, name)
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			return built{}, err
		}
	}
	content, err := json.Marshal(overlay)
	if err != nil {
		return built{}, err
	}
	path := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return built{}, err
	}
	for _, arguments := range [][]string{
		{"build", "-buildvcs=false", "-o", made.program},
		{"test", "-c", "-vet=off", "-o", made.tests},
	} {
		// Nobody debugs these: without -w, linking takes twice as long.
		command := testbed.Go(append(arguments, "-ldflags=-w", "-overlay="+path)...)
		command.Dir = source
		if output, err := command.CombinedOutput(); err != nil {
			return built{}, fmt.Errorf("it does not compile: %w\n%s", err, output)
		}
	}
	return made, nil
}

// files returns those that are not as in the chapter.
func (v variant) files(trace string) (map[string][]byte, error) {
	files, err := Partial(root, v.chapter.Folder, v.solved)
	if err != nil {
		return nil, err
	}
	if len(v.solved) == 0 {
		files = Traced(files, trace)
	}
	if v.mistake == (mistake{}) {
		return files, nil
	}
	content, changed := files[v.mistake.file]
	if !changed {
		if content, err = os.ReadFile(filepath.Join(root, v.chapter.Folder, v.mistake.file)); err != nil {
			return nil, err
		}
	}
	if count := strings.Count(string(content), v.mistake.right); count != 1 {
		return nil, fmt.Errorf("%q is %d times in %s", v.mistake.right, count, v.mistake.file)
	}
	files[v.mistake.file] = []byte(strings.Replace(string(content), v.mistake.right, v.mistake.wrong, 1))
	return files, nil
}

// run runs tests in one process.
func (b built) run(t *testing.T, tests ...string) testbed.Result {
	t.Helper()
	var patterns []string
	for _, test := range tests {
		patterns = append(patterns, regexp.QuoteMeta(test))
	}
	result := testbed.Command{
		Path:     b.tests,
		Args:     []string{"-test.v", "-test.run=^(" + strings.Join(patterns, "|") + ")$"},
		Dir:      b.source,
		Env:      append(os.Environ(), "TESTBED_BINARIES="+filepath.Dir(b.program), "TESTBED_MUST="),
		Deadline: time.Minute + time.Duration(len(tests))*10*time.Second,
	}.Run(t)
	RemoveLeftCgroups(result.Stdout + result.Stderr)
	return result
}
