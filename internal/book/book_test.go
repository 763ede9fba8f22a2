package book_test

import (
	"encoding/json"
	"html"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/book"
	"mytinydocker/internal/testbed/chapters"
)

var repository = os.DirFS("../..")

// whole is the site of this repository, made once for all tests.
var whole = sync.OnceValues(func() (book.Site, error) { return book.Render(repository, chapters.All) })

func ours(t *testing.T) book.Site {
	t.Helper()
	site, err := whole()
	require.NoError(t, err)
	return site
}

// library is a small repository: one chapter in two languages, one in English only.
func library() fstest.MapFS {
	files := map[string]string{
		"README.md":       "# The cover\n\n[one](one/README.md#the-idea), [two](two/README.md), [tool](tool), [licence](LICENSE)\n",
		"README.zh-CN.md": "# 封面\n\n[第一章](one/README.zh-CN.md)、[第二章](two/README.zh-CN.md)\n",
		"LICENSE":         "Do as you like.\n",
		"one/README.md": "# Chapter 1: one\n\n## The idea\n\nA *whiteout* hides. Read `run.go`, [line 3](run.go#L3).\n\n" +
			"```go file=run.go\nfunc main() { println(\"<a> & b\") }\n```\n\n```console\n# ls -l\ntotal 0\n```\n\n" +
			"```mermaid\nflowchart LR\n    A[\"a<br>b\"] --> B\n```\n\n" +
			"## The idea\n\n1. Do.\n   <details><summary>Hint</summary>\n\n   Think of `x`.\n   </details>\n\n" +
			"<script>alert(1)</script>\n\n<details onclick=\"alert(2)\">no</details>\n\na<br>b <img src=x onerror=alert(3)>\n\n[no](javascript:alert(4))\n",
		"one/README.zh-CN.md": "# 第一章：一\n\n## 写时复制\n\n删除文件会留下一个白障。\n\n[想法](#写时复制)\n",
		"one/run.go":          "package main\n\nfunc main() { println(\"<a> & b\") }\n",
		"two/README.md":       "# Chapter 2: two\n\n## The idea\n\nBack to [one](../one/README.md).\n",
		"tool/main.go":        "package main\n\n/* a comment\n   of two lines */\n",
		"tool/cli/cli.go":     "package cli\n",
		"tool/program":        "\x7fELF\xff\xfe",
	}
	tree := fstest.MapFS{}
	for name, content := range files {
		tree[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return tree
}

var twoChapters = []chapters.Chapter{{Folder: "one"}, {Folder: "two"}}

func render(t *testing.T, tree fs.FS, list []chapters.Chapter) book.Site {
	t.Helper()
	site, err := book.Render(tree, list)
	require.NoError(t, err)
	return site
}

func TestEveryChapterHasAPage(t *testing.T) {
	site := ours(t)
	require.Contains(t, site, "index.html")
	for _, chapter := range chapters.All {
		require.Contains(t, site, chapter.Folder+"/index.html")
		translated, err := fs.Stat(repository, chapter.Folder+"/README.zh-CN.md")
		if err == nil && !translated.IsDir() {
			require.Contains(t, site, chapter.Folder+"/index.zh-CN.html")
		}
	}
}

func TestMissingTranslationIsLeftOut(t *testing.T) {
	site := render(t, library(), twoChapters)
	require.Contains(t, site, "one/index.zh-CN.html")
	require.NotContains(t, site, "two/index.zh-CN.html")

	require.Contains(t, string(site["one/index.html"]), `hreflang="zh-CN"`)
	require.Contains(t, string(site["one/index.zh-CN.html"]), `hreflang="en"`)
	require.NotContains(t, string(site["two/index.html"]), "hreflang")
	require.Contains(t, string(site["index.zh-CN.html"]), `href="two/index.html"`, "what is not translated is there in English")
}

func TestNoLinkIsDead(t *testing.T) {
	for name, site := range map[string]book.Site{
		"the repository": ours(t),
		"a small one":    render(t, library(), twoChapters),
	} {
		require.Empty(t, deadLinks(site), name)
	}
}

var (
	reference = regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	anchor    = regexp.MustCompile(` id="([^"]*)"`)
)

func deadLinks(site book.Site) []string {
	var dead []string
	for page, content := range site {
		if path.Ext(page) != ".html" {
			continue
		}
		for _, match := range reference.FindAllStringSubmatch(string(content), -1) {
			target := html.UnescapeString(match[1])
			if strings.Contains(target, "://") || target == "" {
				continue
			}
			file, fragment, _ := strings.Cut(target, "#")
			if file == "" {
				file = page
			} else {
				file = path.Join(path.Dir(page), file)
			}
			if _, ok := site[file]; !ok || !hasAnchor(site[file], fragment) {
				dead = append(dead, page+": "+target)
			}
		}
	}
	return dead
}

func hasAnchor(page []byte, fragment string) bool {
	if fragment == "" {
		return true
	}
	if plain, err := url.PathUnescape(fragment); err == nil {
		fragment = plain
	}
	for _, match := range anchor.FindAllStringSubmatch(string(page), -1) {
		if html.UnescapeString(match[1]) == fragment {
			return true
		}
	}
	return false
}

func TestLinkThatLeadsToNothingIsAnError(t *testing.T) {
	for _, target := range []string{"gone.go", "../../etc/passwd", "two/README.md#nowhere"} {
		tree := library()
		tree["README.md"] = &fstest.MapFile{Data: []byte("# Cover\n\n[x](" + target + ")\n")}
		_, err := book.Render(tree, twoChapters)
		require.ErrorContains(t, err, target)
		require.ErrorContains(t, err, "README.md")
	}
}

func TestHeadingsHaveAnchorsInEveryLanguage(t *testing.T) {
	site := render(t, library(), twoChapters)
	require.Contains(t, string(site["one/index.html"]), ` id="the-idea"`)
	require.Contains(t, string(site["one/index.html"]), ` id="the-idea-1"`)
	require.Contains(t, string(site["one/index.zh-CN.html"]), ` id="写时复制"`)

	bare := regexp.MustCompile(`<h[1-6]>`)
	for name, page := range ours(t) {
		require.NotRegexp(t, bare, string(page), name)
	}
}

func TestNextAndPreviousChapter(t *testing.T) {
	site := render(t, library(), twoChapters)
	require.Contains(t, string(site["index.html"]), `<a rel="next" href="one/index.html"`)
	require.Contains(t, string(site["one/index.html"]), `<a rel="prev" href="../index.html"`)
	require.Contains(t, string(site["one/index.html"]), `<a rel="next" href="../two/index.html"`)
	require.NotContains(t, string(site["two/index.html"]), `rel="next"`)
	require.NotContains(t, string(site["one/index.zh-CN.html"]), `rel="next"`)
}

func TestOnlyFoldsAndBreaksAreHTML(t *testing.T) {
	page := string(render(t, library(), twoChapters)["one/index.html"])
	require.Contains(t, page, "<details><summary>Hint</summary>")
	require.Contains(t, page, "a<br>b")
	require.NotContains(t, page, "<script>")
	require.NotContains(t, page, "<details onclick")
	require.NotContains(t, page, "<img")
	require.NotContains(t, page, "javascript:")
	require.Contains(t, page, "&lt;script&gt;", "what is no HTML of ours is shown as it was written")
}

var (
	fence  = regexp.MustCompile("(?ms)^( *)```[^\n]*\n(.*?)^ *```$")
	pre    = regexp.MustCompile(`(?s)<pre[^>]*>(.*?)</pre>`)
	markup = regexp.MustCompile(`<[^>]*>`)
)

func TestEveryCodeBlockIsThereUnchanged(t *testing.T) {
	site := ours(t)
	seen := 0
	for _, chapter := range chapters.All {
		for source, page := range map[string]string{"README.md": "index.html", "README.zh-CN.md": "index.zh-CN.html"} {
			content, err := fs.ReadFile(repository, chapter.Folder+"/"+source)
			if err != nil {
				continue
			}
			blocks := blocksOf(site[chapter.Folder+"/"+page])
			for _, match := range fence.FindAllStringSubmatch(string(content), -1) {
				wanted := strings.ReplaceAll("\n"+match[2], "\n"+match[1], "\n")[1:]
				require.Contains(t, blocks, wanted, chapter.Folder)
				seen++
			}
		}
	}
	require.Greater(t, seen, 50)
}

func blocksOf(page []byte) []string {
	var blocks []string
	for _, match := range pre.FindAllStringSubmatch(string(page), -1) {
		blocks = append(blocks, html.UnescapeString(markup.ReplaceAllString(match[1], "")))
	}
	return blocks
}

func TestSourcesAreViewsWithNumberedLines(t *testing.T) {
	site := render(t, library(), twoChapters)
	require.Equal(t, []string{"package main\n\n/* a comment\n   of two lines */\n"}, blocksOf(site["tool/main.go.html"]))
	require.Contains(t, string(site["tool/main.go.html"]), ` id="L4"`)
	require.Contains(t, string(site["tool/files.html"]), `href="cli/cli.go.html"`)
	require.NotContains(t, string(site["tool/files.html"]), "program", "a built program is no source")
	require.Contains(t, string(site["one/index.html"]), `href="run.go.html#L3"`)
	require.Contains(t, string(site["one/index.html"]), `<a href="run.go.html"><code>run.go</code></a>`, "the name of a file leads to it")
}

func TestCodeIsHighlighted(t *testing.T) {
	page := string(render(t, library(), twoChapters)["one/index.html"])
	require.Contains(t, page, `<span class="keyword">func</span>`)
	require.Contains(t, page, `<span class="prompt"># </span><span class="command">ls -l</span>`)
	require.Contains(t, page, `<pre class="mermaid">flowchart LR`)
}

type section struct{ Page, Heading, Link, Text string }

// search does what book.js does: every word has to be somewhere in a section.
func search(t *testing.T, site book.Site, query string) []section {
	t.Helper()
	index, ok := strings.CutPrefix(string(site["search-index.js"]), "const bookIndex = ")
	require.True(t, ok)
	var all, found []section
	require.NoError(t, json.Unmarshal([]byte(strings.TrimSuffix(index, ";\n")), &all))
	for _, one := range all {
		text := strings.ToLower(one.Heading + " " + one.Text)
		if !slices.ContainsFunc(strings.Fields(strings.ToLower(query)), func(word string) bool { return !strings.Contains(text, word) }) {
			found = append(found, one)
		}
	}
	return found
}

func TestSearchFindsWordsOfBothLanguages(t *testing.T) {
	site := render(t, library(), twoChapters)
	found := search(t, site, "WHITEOUT hides")
	require.Len(t, found, 1)
	require.Equal(t, "one/index.html#the-idea", found[0].Link)

	found = search(t, site, "白障")
	require.Len(t, found, 1)
	require.Equal(t, "one/index.zh-CN.html#写时复制", found[0].Link)
	require.Equal(t, "第一章：一", found[0].Page)

	require.NotEmpty(t, search(t, site, "println"), "code is found, too")
	require.NotEmpty(t, search(t, ours(t), "pivot_root"))
}

func TestBookIsTheSameEveryTime(t *testing.T) {
	first := render(t, library(), twoChapters)

	require.Equal(t, first, render(t, library(), twoChapters))
}

func TestNothingComesFromTheNetwork(t *testing.T) {
	loaded := regexp.MustCompile(`(?:src|<link[^>]* href)="(?:https?:)?//|@import|url\(`)
	for name, page := range ours(t) {
		if !strings.HasSuffix(name, ".go.html") {
			require.NotRegexp(t, loaded, string(page), name)
		}
	}
}

func TestWriteKeepsWhatTheReaderPutThere(t *testing.T) {
	folder := t.TempDir()
	own := filepath.Join(folder, "mermaid.min.js")
	require.NoError(t, os.WriteFile(own, []byte("theirs"), 0o644))

	require.NoError(t, render(t, library(), twoChapters).Write(folder))

	require.FileExists(t, filepath.Join(folder, "one", "index.zh-CN.html"))
	content, err := os.ReadFile(own)
	require.NoError(t, err)
	require.Equal(t, "theirs", string(content))
}
