package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// What is between these lines of a document is measured; the rest is written by hand.
const (
	measuredBegin = "<!-- measured: go tool mage benchmarks -->\n"
	measuredEnd   = "<!-- end of what is measured -->\n"
)

// writeDocument puts the table and the machine into a document, and the chart beside it.
func writeDocument(results []result, path string) error {
	text, err := updated(path, machine()+"\n"+markdown(results))
	if err != nil {
		return err
	}
	drawing := filepath.Join(filepath.Dir(path), "benchmarks.svg")
	return errors.Join(os.WriteFile(path, []byte(text), 0o644), os.WriteFile(drawing, []byte(chart(results)), 0o644))
}

// updated returns the document at path with what is measured replaced, and writes nothing.
func updated(path, measured string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	text, err := withMeasured(string(content), measured)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

// withMeasured replaces what is measured in a document.
func withMeasured(document, measured string) (string, error) {
	before, rest, begins := strings.Cut(document, measuredBegin)
	_, after, ends := strings.Cut(rest, measuredEnd)
	if !begins || !ends {
		return "", errors.New("it has no place for what is measured")
	}
	return before + measuredBegin + "\n" + measured + "\n" + measuredEnd + after, nil
}

// machine says where and when something was measured, and beside which programs.
func machine() string {
	var name unix.Utsname
	_ = unix.Uname(&name)
	text := fmt.Sprintf("Measured on %s, on %d CPUs (%s), Linux %s, %s.", time.Now().Format(time.DateOnly), runtime.NumCPU(), cpu(),
		unix.ByteSliceToString(name.Release[:]), runtime.Version())
	for _, program := range []string{"crun", "runc", "bwrap", "dockerd", "unshare", "tar", "skopeo", "umoci"} {
		if out, err := exec.Command(program, "--version").Output(); err == nil {
			first, _, _ := strings.Cut(string(out), "\n")
			text += " " + strings.TrimSuffix(first, ".") + "."
		}
	}
	return text + "\n"
}

func cpu() string {
	content, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(content)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
