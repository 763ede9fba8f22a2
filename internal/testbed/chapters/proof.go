package chapters

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

var exercisePanic = regexp.MustCompile(`panic\(("chapter \d+, step \d+: [^"]*")\)`)

// Traced returns the files of a starter, in which whoever reaches an exercise first
// adds its message to the file trace. A program says that on standard error, and a
// test may look at that or not.
func Traced(files map[string][]byte, trace string) map[string][]byte {
	traced := map[string][]byte{"zz_trace.go": fmt.Appendf(nil, tracer, trace)}
	for name, content := range files {
		traced[name] = exercisePanic.ReplaceAll(content, []byte("panic(reached($1))"))
	}
	return traced
}

const tracer = `package main

import "os"

func reached(exercise string) string {
	file, err := os.OpenFile(%q, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return exercise
	}
	defer file.Close()
	_, _ = file.WriteString(exercise + "\n")
	return exercise
}
`

var testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)

// InheritedTests returns the tests of a chapter in those files that are, byte for
// byte, in the chapter before.
func InheritedTests(root, folder string) ([]string, error) {
	index := slices.IndexFunc(All, func(c Chapter) bool { return c.Folder == folder })
	if index < 0 {
		return nil, fmt.Errorf("%s is no chapter", folder)
	}
	if index == 0 {
		return nil, nil
	}
	paths, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, path := range paths {
		same, err := sameFile(path, filepath.Join(root, All[index-1].Folder, filepath.Base(path)))
		if errors.Is(err, os.ErrNotExist) || err == nil && !same {
			continue
		}
		if err != nil {
			return nil, err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for _, match := range testFunction.FindAllStringSubmatch(string(content), -1) {
			names = append(names, match[1])
		}
	}
	return names, nil
}

var leftCgroup = regexp.MustCompile(`left behind: cgroup: (\S+/(\d+)-\w+) `)

// RemoveLeftCgroups removes the cgroups that a suite says it has left. A chapter that
// is not complete cannot do so itself, and the next test would take them for its own.
// One whose maker, by whose number it is called, still runs may be somebody's, or the
// number has a new owner: both end soon.
func RemoveLeftCgroups(output string) {
	for _, left := range leftCgroup.FindAllStringSubmatch(output, -1) {
		if awaitGone("/proc/"+left[2], left[1]) {
			_ = os.Remove(left[1]) // fails if it has gone, or is not empty
		}
	}
}

// awaitGone waits ten seconds at most for one of two paths to be gone, and reports
// whether the first is.
func awaitGone(first, second string) bool {
	deadline := time.Now().Add(10 * time.Second)
	for {
		if _, err := os.Stat(first); errors.Is(err, os.ErrNotExist) {
			return true
		}
		if _, err := os.Stat(second); errors.Is(err, os.ErrNotExist) || time.Now().After(deadline) {
			return false
		}
		<-time.After(50 * time.Millisecond)
	}
}
