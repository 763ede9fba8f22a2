package book

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

const (
	english = "en"
	chinese = "zh-CN"
)

// document is a Markdown file that becomes a page.
type document struct {
	source   string // its path in the repository
	page     string // its path in the site
	language string
	text     []byte
	tree     ast.Node
	title    string
	headings []heading
}

type heading struct {
	Level    int
	ID, Text string
}

var markdown = goldmark.New(
	goldmark.WithExtensions(extension.GFM),
	goldmark.WithParserOptions(parser.WithAutoHeadingID()),
	goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(blocks{}, 1))),
)

// document reads a Markdown file, once.
func (b *builder) document(source string) (*document, error) {
	if doc, ok := b.documents[source]; ok {
		return doc, nil
	}
	content, err := fs.ReadFile(b.tree, source)
	if err != nil {
		return nil, err
	}
	doc := &document{source: source, page: pageOf(source), language: english, text: content, title: source}
	if strings.HasSuffix(source, ".zh-CN.md") {
		doc.language = chinese
	}
	context := parser.NewContext(parser.WithIDs(&anchors{taken: map[string]bool{}}))
	doc.tree = markdown.Parser().Parse(text.NewReader(content), parser.WithContext(context))
	doc.readHeadings()
	b.documents[source] = doc
	b.order = append(b.order, doc)
	return doc, nil
}

// pageOf names the page of a Markdown file: a README is the index of its folder.
func pageOf(source string) string {
	folder, name := path.Split(source)
	name = strings.TrimSuffix(name, ".md")
	if rest, ok := strings.CutPrefix(name, "README"); ok {
		name = "index" + rest
	}
	return folder + name + ".html"
}

// translation names the same document in the other language.
func (d *document) translation() string {
	if d.language == chinese {
		return strings.TrimSuffix(d.source, ".zh-CN.md") + ".md"
	}
	return strings.TrimSuffix(d.source, ".md") + ".zh-CN.md"
}

func (d *document) readHeadings() {
	for node := d.tree.FirstChild(); node != nil; node = node.NextSibling() {
		block, ok := node.(*ast.Heading)
		if !ok {
			continue
		}
		id, _ := block.AttributeString("id")
		name, _ := id.([]byte)
		found := heading{Level: block.Level, ID: string(name), Text: plainText(block, d.text)}
		if block.Level == 1 && d.title == d.source {
			d.title = found.Text
		}
		d.headings = append(d.headings, found)
	}
}

// plainText is what a reader sees of a node, without its markup.
func plainText(node ast.Node, source []byte) string {
	var words strings.Builder
	_ = ast.Walk(node, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				words.Write(n.Segment.Value(source))
				if n.SoftLineBreak() || n.HardLineBreak() {
					words.WriteByte(' ')
				}
			}
		case *ast.String:
			if entering {
				words.Write(n.Value)
			}
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			if entering {
				words.Write(linesOf(n, source))
			}
		case *ast.HTMLBlock, *ast.RawHTML:
		default:
			if !entering && n.Type() == ast.TypeBlock {
				words.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	return strings.Join(strings.Fields(words.String()), " ")
}

func linesOf(node ast.Node, source []byte) []byte {
	var content []byte
	for i := range node.Lines().Len() {
		line := node.Lines().At(i)
		content = append(content, line.Value(source)...)
	}
	return content
}

// anchors names the headings of a document as GitHub does: letters and digits of
// every script, hyphens for spaces, a number behind a name that is there already.
type anchors struct{ taken map[string]bool }

// Generate returns a name for a heading that no other of the document has.
func (a *anchors) Generate(value []byte, _ ast.NodeKind) []byte {
	var name strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(string(value))) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			name.WriteRune(r)
		case r == ' ':
			name.WriteByte('-')
		}
	}
	base := name.String()
	if base == "" {
		base = "section"
	}
	id := base
	for n := 1; a.taken[id]; n++ {
		id = fmt.Sprintf("%s-%d", base, n)
	}
	a.taken[id] = true
	return []byte(id)
}

// Put takes a name that a heading has got in another way.
func (a *anchors) Put(value []byte) { a.taken[string(value)] = true }
