package vm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"mytinydocker/internal/testbed/chapters"
)

// Suite is the tests of one package, compiled.
type Suite struct {
	Package string // import path
	Folder  string // relative to the repository
	Program string // file
}

// build compiles and links, without what only a debugger reads.
func build(ctx context.Context, root string, environment []string, words ...string) (string, error) {
	words = append([]string{words[0], "-buildvcs=false", "-ldflags=-s -w"}, words[1:]...)
	return goTool(ctx, root, environment, words...)
}

func goTool(ctx context.Context, root string, environment []string, words ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", words...)
	command.Dir, command.Env = root, append(os.Environ(), environment...)
	output, err := command.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("go %s: %w\n%s", words[0], err, exit.Stderr)
	}
	return string(output), err
}

// Compile compiles the tests of the packages that patterns name, into folder.
// Packages without tests are left out; that none has any is an error.
func Compile(ctx context.Context, root, folder string, patterns []string) ([]Suite, error) {
	format := `{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Dir}}{{end}}`
	listed, err := goTool(ctx, root, nil, append([]string{"list", "-f", format}, patterns...)...)
	if err != nil {
		return nil, err
	}
	var suites []Suite
	for line := range strings.Lines(listed) {
		name, at, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		relative, err := filepath.Rel(root, at)
		if err != nil {
			return nil, err
		}
		program := filepath.Join(folder, strings.ReplaceAll(name, "/", "-")+".test")
		if _, err := build(ctx, root, nil, "test", "-c", "-o", program, name); err != nil {
			return nil, err
		}
		suites = append(suites, Suite{Package: name, Folder: relative, Program: program})
	}
	if len(suites) == 0 {
		return nil, fmt.Errorf("no tests in %s", strings.Join(patterns, " "))
	}
	return suites, nil
}

// Programs compiles what tests run: those of the chapters and of tinydocker, and the
// probes, each under the name that the tests look for.
func Programs(ctx context.Context, root, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	packages := slices.Concat([]string{"./final", "./internal/doctor"}, chapters.Programs)
	for _, chapter := range chapters.All {
		packages = append(packages, "./"+chapter.Folder)
	}
	// The same in each chapter, and so is its name.
	escapes, err := filepath.Glob(filepath.Join(root, "stage*", "testdata", "escape"))
	if err != nil {
		return err
	}
	if len(escapes) > 0 {
		relative, err := filepath.Rel(root, escapes[0])
		if err != nil {
			return err
		}
		packages = append(packages, "./"+relative)
	}
	_, err = build(ctx, root, nil, append([]string{"build", "-o", folder + "/"}, packages...)...)
	return err
}

// Guest compiles the first program of a machine. It stands alone.
func Guest(ctx context.Context, root, program string) error {
	_, err := build(ctx, root, []string{"CGO_ENABLED=0"}, "build", "-o", program, "./internal/vm/guest")
	return err
}
