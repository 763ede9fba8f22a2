package vm

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"mytinydocker/internal/testbed/chapters"
)

// usual is what depends most on the kernel: cgroups.
var usual = []string{"./stage02-cgroups", "./final/cgroup"}

// Patterns returns the packages, as `go list` takes them, that a target names:
// stage03 or stage3 for a chapter, final, all, or packages such as ./final/cgroup;
// several with commas between them. Nothing names the tests of cgroups. Root is the
// repository.
func Patterns(root, target string) ([]string, error) {
	if target == "" {
		var there []string
		for _, pattern := range usual {
			if _, err := os.Stat(filepath.Join(root, pattern)); err == nil {
				there = append(there, pattern)
			}
		}
		return there, nil
	}
	var patterns []string
	for name := range strings.SplitSeq(target, ",") {
		pattern, err := pattern(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		patterns = append(patterns, pattern)
	}
	return patterns, nil
}

func pattern(name string) (string, error) {
	switch {
	case name == "all":
		return "./...", nil
	case name == "final", name == "internal":
		return "./" + name + "/...", nil
	case strings.HasPrefix(name, "./"):
		return name, nil
	}
	number, err := strconv.Atoi(strings.TrimPrefix(name, "stage"))
	if err != nil || number < 1 || number > len(chapters.All) {
		return "", fmt.Errorf("there are no tests %q: stage01 to stage%02d, final, all, or a package such as ./final/cgroup", name, len(chapters.All))
	}
	return "./" + chapters.All[number-1].Folder, nil
}
