package book

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
)

func join(elements ...string) string { return path.Join(elements...) }

// relative is the way from one page of the site to another.
func relative(from, to string) string {
	way, err := filepath.Rel(path.Dir(from), to)
	if err != nil { // both are relative paths within the site
		return to
	}
	return filepath.ToSlash(way)
}

// connect has the links of a document lead to pages of the site, and takes into
// the site what they lead to.
func (d *document) connect(b *builder) error {
	var names []*ast.CodeSpan
	err := ast.Walk(d.tree, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		var err error
		switch node := node.(type) {
		case *ast.Link:
			node.Destination, err = b.resolve(d, node.Destination)
			return ast.WalkSkipChildren, err
		case *ast.Image:
			node.Destination, err = b.resolve(d, node.Destination)
		case *ast.FencedCodeBlock:
			err = b.quote(d, node)
		case *ast.Heading:
			return ast.WalkSkipChildren, nil
		case *ast.CodeSpan:
			names = append(names, node)
		}
		return ast.WalkContinue, err
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := b.linkName(d, name); err != nil {
			return err
		}
	}
	return nil
}

// resolve turns the destination of a link into one of the site.
func (b *builder) resolve(doc *document, destination []byte) ([]byte, error) {
	link := string(destination)
	target, err := url.Parse(link)
	if err != nil || target.Scheme != "" || target.Host != "" {
		return destination, nil // goldmark leaves out what is dangerous
	}
	page := doc.page
	if target.Path != "" {
		page, err = b.include(path.Join(path.Dir(doc.source), target.Path))
		if err != nil {
			return nil, fmt.Errorf("%s: a link leads to nothing: %s: %w", doc.source, link, err)
		}
	}
	if target.Fragment == "" {
		return []byte(relative(doc.page, page)), nil
	}
	b.wanted = append(b.wanted, fragment{from: doc.source, link: link, page: page, name: target.Fragment})
	if page == doc.page {
		return []byte("#" + target.Fragment), nil
	}
	return []byte(relative(doc.page, page) + "#" + target.Fragment), nil
}

var pictures = []string{".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp"}

// include takes a file or folder of the repository into the site and returns the
// path of its page.
func (b *builder) include(name string) (string, error) {
	info, err := fs.Stat(b.tree, name)
	if original, translated := strings.CutSuffix(name, ".zh-CN.md"); translated && errors.Is(err, fs.ErrNotExist) {
		return b.include(original + ".md")
	}
	if err != nil {
		return "", err
	}
	switch extension := path.Ext(name); {
	case info.IsDir():
		if doc, err := b.document(join(name, "README.md")); err == nil {
			return doc.page, nil
		}
		return join(name, "files.html"), b.listing(name)
	case extension == ".md":
		doc, err := b.document(name)
		if err != nil {
			return "", err
		}
		return doc.page, nil
	case slices.Contains(pictures, extension):
		b.site[name], err = fs.ReadFile(b.tree, name)
		return name, err
	default:
		return name + ".html", b.view(name)
	}
}

// quote notes where a block of code comes from: "go file=run.go".
func (b *builder) quote(doc *document, block *ast.FencedCodeBlock) error {
	if block.Info == nil {
		return nil
	}
	_, name, ok := strings.Cut(string(block.Info.Segment.Value(doc.text)), " file=")
	if !ok {
		return nil
	}
	link, err := b.resolve(doc, []byte(name))
	if err != nil {
		return err
	}
	block.SetAttributeString("file", name)
	block.SetAttributeString("link", string(link))
	return nil
}

var fileName = regexp.MustCompile(`^[\w./-]+\.(go|c|h)$`)

// linkName has the name of a source file lead to the file.
func (b *builder) linkName(doc *document, span *ast.CodeSpan) error {
	name := plainText(span, doc.text)
	if !fileName.MatchString(name) {
		return nil
	}
	info, err := fs.Stat(b.tree, join(path.Dir(doc.source), name))
	if err != nil || info.IsDir() {
		return nil // it speaks of somebody else's file
	}
	destination, err := b.resolve(doc, []byte(name))
	if err != nil {
		return err
	}
	link := ast.NewLink()
	link.Destination = destination
	span.Parent().ReplaceChild(span.Parent(), span, link)
	link.AppendChild(link, span)
	return nil
}

// hasLine tells whether a place is a line of a source: L12.
func (b *builder) hasLine(place fragment) bool {
	number, ok := strings.CutPrefix(place.name, "L")
	line, err := strconv.Atoi(number)
	return ok && err == nil && line >= 1 && line <= b.views[place.page]
}
