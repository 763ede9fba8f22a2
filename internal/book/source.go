package book

import (
	"fmt"
	"html"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"
)

// view writes the page of a source file: its lines, numbered.
func (b *builder) view(name string) error {
	page := name + ".html"
	if _, ok := b.views[page]; ok {
		return nil
	}
	content, err := fs.ReadFile(b.tree, name)
	if err != nil {
		return err
	}
	if !utf8.Valid(content) {
		return fmt.Errorf("%s is no text", name)
	}
	lines := highlight(languages[path.Ext(name)], string(content))
	b.views[page] = len(lines)
	var body strings.Builder
	body.WriteString(`<pre tabindex="0" class="code numbered"><code>`)
	for i, line := range lines {
		fmt.Fprintf(&body, `<span class="line" id="L%d">%s</span>`, i+1, line)
	}
	body.WriteString("</code></pre>\n")
	return b.writeView(page, name, body.String())
}

var languages = map[string]string{".go": "go", ".c": "c", ".h": "c", ".json": "json", ".sh": "bash", ".yml": "yaml"}

// listing writes a page with the sources below a folder, and a view of each.
func (b *builder) listing(folder string) error {
	page := join(folder, "files.html")
	if _, ok := b.site[page]; ok {
		return nil
	}
	b.site[page] = nil // a link in the folder may lead back here
	var body strings.Builder
	body.WriteString("<ul class=\"files\">\n")
	err := fs.WalkDir(b.tree, folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || languages[path.Ext(name)] == "" {
			return err
		}
		if err := b.view(name); err != nil {
			return err
		}
		fmt.Fprintf(&body, "<li><a href=\"%s\"><code>%s</code></a></li>\n",
			html.EscapeString(relative(page, name+".html")), html.EscapeString(strings.TrimPrefix(name, folder+"/")))
		return nil
	})
	if err != nil {
		return err
	}
	body.WriteString("</ul>\n")
	return b.writeView(page, folder, body.String())
}

// writeView writes a page that is no document. Its sources are ours, and escaped.
func (b *builder) writeView(page, title, body string) error {
	return b.execute(page, layout{
		Language: english, Words: words[english], Title: title, Source: true,
		Up: b.above(page), Navigation: b.navigation(page, english), Body: template.HTML(body),
	})
}

// above is where a reader of a source came from: the README of its folder, or
// the list of files.
func (b *builder) above(page string) *link {
	for folder := path.Dir(page); ; folder = path.Dir(folder) {
		if doc, ok := b.documents[join(folder, "README.md")]; ok {
			return &link{Title: doc.title, Link: relative(page, doc.page)}
		}
		if list := join(folder, "files.html"); list != page {
			if _, ok := b.site[list]; ok {
				return &link{Title: folder, Link: relative(page, list)}
			}
		}
		if folder == "." {
			return nil
		}
	}
}
