package book

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// section is what a search finds: the text below one heading.
type section struct {
	Page     string `json:"page"`
	Heading  string `json:"heading"`
	Link     string `json:"link"`
	Language string `json:"language"`
	Text     string `json:"text"`
}

// writeIndex writes the text of all documents. It is a script and not JSON
// alone, because a page that was opened as a file may load nothing else.
func (b *builder) writeIndex() error {
	sections := []section{}
	for _, doc := range b.order {
		sections = append(sections, doc.sections()...)
	}
	index, err := json.Marshal(sections)
	if err != nil {
		return fmt.Errorf("write the index of the search: %w", err)
	}
	b.site["search-index.js"] = fmt.Appendf(nil, "const bookIndex = %s;\n", index)
	return nil
}

func (d *document) sections() []section {
	sections := []section{{Page: d.title, Heading: d.title, Link: d.page, Language: d.language}}
	next := 0
	for node := d.tree.FirstChild(); node != nil; node = node.NextSibling() {
		if node.Kind() != ast.KindHeading {
			last := &sections[len(sections)-1]
			last.Text = strings.TrimSpace(last.Text + " " + plainText(node, d.text))
			continue
		}
		found := d.headings[next]
		next++
		if found.Level > 1 {
			sections = append(sections, section{Page: d.title, Heading: found.Text, Link: d.page + "#" + found.ID, Language: d.language})
		}
	}
	return sections
}
