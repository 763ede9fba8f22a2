// Package book makes a static site of the READMEs: one page for each chapter
// and language, views of the sources that they lead to, and a search that needs
// no server. Nothing on a page is loaded from the network.
package book

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mytinydocker/internal/testbed/chapters"
)

// Site is a finished site: what each file of it holds, by its path.
type Site map[string][]byte

// Render makes the site of the repository in tree. The same repository makes
// the same site. A link that leads to nothing is an error; a translation that
// is not there is left out.
func Render(tree fs.FS, list []chapters.Chapter) (Site, error) {
	b := &builder{tree: tree, site: Site{}, documents: map[string]*document{}, views: map[string]int{}}
	if err := b.collect(list); err != nil {
		return nil, err
	}
	if err := b.checkFragments(); err != nil {
		return nil, err
	}
	for _, doc := range b.order {
		if err := b.writeDocument(doc); err != nil {
			return nil, err
		}
	}
	if err := b.writeIndex(); err != nil {
		return nil, err
	}
	for _, name := range []string{"book.css", "book.js"} {
		content, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return nil, err
		}
		b.site[name] = content
	}
	return b.site, nil
}

// Write writes the site into a folder. It removes nothing: a mermaid.min.js
// that the reader has put there stays.
func (s Site) Write(folder string) error {
	for name, content := range s {
		target := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

type builder struct {
	tree      fs.FS
	site      Site
	documents map[string]*document // by the path of the Markdown file
	order     []*document          // as they were found: the cover, the chapters, what they lead to
	parts     []*document          // the cover and the chapters in every language: what one reads in order
	views     map[string]int       // how many lines the view at this path has
	wanted    []fragment
}

// fragment is a place on a page that some link leads to.
type fragment struct {
	from, link string
	page, name string
}

// collect reads the cover, the chapters, and everything that they lead to.
func (b *builder) collect(list []chapters.Chapter) error {
	folders := []string{"."}
	for _, chapter := range list {
		folders = append(folders, chapter.Folder)
	}
	for _, folder := range folders {
		for _, name := range []string{"README.md", "README.zh-CN.md"} {
			doc, err := b.document(join(folder, name))
			if errors.Is(err, fs.ErrNotExist) && name != "README.md" {
				continue
			}
			if err != nil {
				return err
			}
			b.parts = append(b.parts, doc)
		}
	}
	for i := 0; i < len(b.order); i++ { // it grows with every link to another document
		if err := b.order[i].connect(b); err != nil {
			return err
		}
	}
	for _, chapter := range list {
		if err := b.listing(chapter.Folder); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) checkFragments() error {
	anchors := map[string]map[string]bool{}
	for _, doc := range b.order {
		anchors[doc.page] = map[string]bool{}
		for _, heading := range doc.headings {
			anchors[doc.page][heading.ID] = true
		}
	}
	for _, place := range b.wanted {
		if anchors[place.page][place.name] || b.hasLine(place) {
			continue
		}
		return fmt.Errorf("%s: there is no such place on the page: %s", place.from, place.link)
	}
	return nil
}
