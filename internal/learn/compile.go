package learn

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"

	"mytinydocker/internal/testbed/chapters"
)

var undefined = regexp.MustCompile(`^(\S+?\.go):\d+:\d+: undefined: (\w+)$`)

// explain returns a complaint of the compiler's. Behind a name that the reference imports
// in the same file, and the learner does not, it says so.
func (w Workshop) explain(folder, complaint string) string {
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(complaint), "\n") {
		if strings.HasPrefix(line, "# ") { // the package
			continue
		}
		if match := undefined.FindStringSubmatch(line); match != nil {
			if spec := w.importOf(folder, filepath.Base(match[1]), match[2]); spec != "" {
				line += " (add the import " + spec + ")"
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// importOf returns the import by which a file of the reference has a name, or "".
func (w Workshop) importOf(folder, file, name string) string {
	tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join(w.Root, folder, file), nil, parser.ImportsOnly)
	if err != nil {
		return "" // the learner's own file
	}
	for _, spec := range tree.Imports {
		switch {
		case chapters.ImportName(spec) != name:
		case spec.Name != nil:
			return name + " " + spec.Path.Value
		default:
			return spec.Path.Value
		}
	}
	return ""
}
