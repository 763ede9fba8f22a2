package chapters

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// source is a Go file, as text and as a tree.
type source struct {
	name    string
	content []byte
	set     *token.FileSet
	file    *ast.File
}

// readSources reads the Go files of a folder but for the tests.
func readSources(folder string) ([]*source, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	var sources []*source
	for _, name := range paths {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, content, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		sources = append(sources, &source{name: filepath.Base(name), content: content, set: set, file: file})
	}
	return sources, nil
}

func (s *source) exercises() []*ast.FuncDecl {
	var found []*ast.FuncDecl
	for _, declaration := range s.file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || function.Doc == nil || function.Body == nil {
			continue
		}
		if slices.ContainsFunc(function.Doc.List, func(c *ast.Comment) bool { return c.Text == directive }) {
			found = append(found, function)
		}
	}
	return found
}

func (s *source) offset(position token.Pos) int { return s.set.Position(position).Offset }

func (s *source) text(node ast.Node) string {
	return string(s.content[s.offset(node.Pos()):s.offset(node.End())])
}

// without returns the text with other bodies of some functions, which use no import.
func (s *source) without(bodies map[*ast.FuncDecl]string) ([]byte, error) {
	var edits []edit
	for function, body := range bodies {
		edits = append(edits, edit{
			from: s.offset(function.Body.Pos()), to: s.offset(function.Body.End()),
			text: body,
		})
	}
	edits = append(edits, s.removeImports(s.usedWithout(bodies))...)
	content, err := format.Source(apply(s.content, edits)) // closes the gaps between imports
	if err != nil {
		return nil, fmt.Errorf("starter of %s: %w", s.name, err)
	}
	return content, nil
}

// removeImports removes those that nothing uses: the compiler refuses them.
func (s *source) removeImports(used map[string]bool) []edit {
	var edits []edit
	for _, declaration := range s.file.Decls {
		block, ok := declaration.(*ast.GenDecl)
		if !ok || block.Tok != token.IMPORT {
			continue
		}
		kept := 0
		var unused []edit
		for _, spec := range block.Specs {
			if name := ImportName(spec.(*ast.ImportSpec)); used[name] || name == "_" || name == "C" {
				kept++
			} else {
				unused = append(unused, s.lines(spec))
			}
		}
		if kept == 0 {
			unused = []edit{s.lines(block)}
		}
		edits = append(edits, unused...)
	}
	return edits
}

// usedWithout returns the names of packages that are used outside of the bodies
// of the functions.
func (s *source) usedWithout(functions map[*ast.FuncDecl]string) map[string]bool {
	used := make(map[string]bool)
	ast.Inspect(s.file, func(node ast.Node) bool {
		if function, ok := node.(*ast.FuncDecl); ok {
			if _, without := functions[function]; without {
				ast.Inspect(function.Type, func(node ast.Node) bool { return noteUse(used, node) })
				return false
			}
		}
		return noteUse(used, node)
	})
	return used
}

func noteUse(used map[string]bool, node ast.Node) bool {
	if selector, ok := node.(*ast.SelectorExpr); ok {
		if name, ok := selector.X.(*ast.Ident); ok {
			used[name.Name] = true
		}
	}
	return true
}

var majorVersion = regexp.MustCompile(`^v\d+$`)

// ImportName is the name by which a file uses an import: its own, or else, as is
// the custom, the last element of the path that is not a version.
func ImportName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	name, _ := strconv.Unquote(spec.Path.Value) // the parser has seen to it
	if majorVersion.MatchString(path.Base(name)) {
		name = path.Dir(name)
	}
	return path.Base(name)
}

// lines removes the lines on which a node stands.
func (s *source) lines(node ast.Node) edit {
	from, to := s.offset(node.Pos()), s.offset(node.End())
	return edit{
		from: bytes.LastIndexByte(s.content[:from], '\n') + 1,
		to:   to + bytes.IndexByte(s.content[to:], '\n') + 1,
	}
}

// edit replaces a part of a text.
type edit struct {
	from, to int
	text     string
}

func apply(content []byte, edits []edit) []byte {
	slices.SortFunc(edits, func(a, b edit) int { return b.from - a.from }) // from the end, so that offsets stay right
	content = slices.Clone(content)
	for _, edit := range edits {
		content = slices.Replace(content, edit.from, edit.to, []byte(edit.text)...)
	}
	return content
}
