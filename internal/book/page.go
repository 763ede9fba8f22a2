package book

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"path"
	"slices"
	"strings"
)

//go:embed assets
var assets embed.FS

var pageTemplate = template.Must(template.ParseFS(assets, "assets/page.html"))

// layout is what the template makes a page of.
type layout struct {
	Language    string
	Words       vocabulary
	Title, Root string
	Home        link
	Navigation  []entry
	Other       *link // the page in the other language
	Up          *link // where a reader of a source came from
	Files       string
	Previous    *link
	Next        *link
	Source      bool
	Body        template.HTML
}

type link struct{ Title, Link, Language string }

// entry is a line of the table of contents, with the headings of the page that is open.
type entry struct {
	Title, Link string
	Current     bool
	Headings    []heading
}

// vocabulary is what the pages say themselves, in one language.
type vocabulary struct{ Contents, Search, Previous, Next, Files, Nothing, Skip string }

var words = map[string]vocabulary{
	english: {"Contents", "Search", "Previous", "Next", "The files of this chapter", "Nothing found", "Skip to the text"},
	chinese: {"目录", "搜索", "上一章", "下一章", "本章的文件", "没有找到", "跳到正文"},
}

var languageNames = map[string]string{english: "English", chinese: "中文"}

func (b *builder) writeDocument(doc *document) error {
	var body bytes.Buffer
	if err := markdown.Renderer().Render(&body, doc.text, doc.tree); err != nil {
		return fmt.Errorf("render %s: %w", doc.source, err)
	}
	page := layout{
		Language: doc.language, Words: words[doc.language], Title: doc.title,
		Navigation: b.navigation(doc.page, doc.language), Body: template.HTML(body.String()),
	}
	if other, ok := b.documents[doc.translation()]; ok {
		page.Other = &link{Title: languageNames[other.language], Link: relative(doc.page, other.page), Language: other.language}
	}
	if files := join(path.Dir(doc.page), "files.html"); b.site[files] != nil && path.Dir(doc.page) != "." {
		page.Files = relative(doc.page, files)
	}
	page.Previous, page.Next = b.neighbours(doc)
	return b.execute(doc.page, page)
}

// inLanguage are the cover and the chapters that there are in a language.
func (b *builder) inLanguage(language string) []*document {
	return slices.DeleteFunc(slices.Clone(b.parts), func(d *document) bool { return d.language != language })
}

func (b *builder) navigation(page, language string) []entry {
	var entries []entry
	for _, doc := range b.inLanguage(language) {
		line := entry{Title: doc.title, Link: relative(page, doc.page), Current: doc.page == page}
		if line.Current {
			line.Headings = slices.DeleteFunc(slices.Clone(doc.headings), func(h heading) bool { return h.Level != 2 })
		}
		entries = append(entries, line)
	}
	return entries
}

func (b *builder) neighbours(doc *document) (previous, next *link) {
	all := b.inLanguage(doc.language)
	i := slices.Index(all, doc)
	if i > 0 {
		previous = &link{Title: all[i-1].title, Link: relative(doc.page, all[i-1].page)}
	}
	if i >= 0 && i+1 < len(all) {
		next = &link{Title: all[i+1].title, Link: relative(doc.page, all[i+1].page)}
	}
	return previous, next
}

// execute writes a page. The cover of its language is its home.
func (b *builder) execute(page string, content layout) error {
	content.Root = strings.Repeat("../", strings.Count(page, "/"))
	cover := b.documents["README.md"]
	if translated, ok := b.documents["README.zh-CN.md"]; ok && content.Language == chinese {
		cover = translated
	}
	content.Home = link{Title: cover.title, Link: relative(page, cover.page)}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, content); err != nil {
		return fmt.Errorf("write the page %s: %w", page, err)
	}
	b.site[page] = out.Bytes()
	return nil
}
