package book

import (
	"fmt"
	"html"
	"regexp"
	"strings"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/lexers"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

// blocks renders what goldmark would not, or not in our way: code, and the few
// pieces of HTML that a README may hold.
type blocks struct{}

// RegisterFuncs tells goldmark what is rendered here.
func (blocks) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock, renderFence)
	r.Register(ast.KindHTMLBlock, renderHTMLBlock)
	r.Register(ast.KindRawHTML, renderRawHTML)
}

func renderFence(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	block := node.(*ast.FencedCodeBlock)
	language, code := string(block.Language(source)), string(linesOf(block, source))
	if language == "mermaid" {
		_, err := fmt.Fprintf(w, "<figure class=\"diagram\"><pre class=\"mermaid\">%s</pre></figure>\n", html.EscapeString(code))
		return ast.WalkSkipChildren, err
	}
	if file, ok := block.AttributeString("file"); ok {
		link, _ := block.AttributeString("link")
		fmt.Fprintf(w, "<p class=\"file\"><a href=\"%s\">%s</a></p>", html.EscapeString(fmt.Sprint(link)), html.EscapeString(fmt.Sprint(file)))
	}
	_, err := fmt.Fprintf(w, "<pre tabindex=\"0\" class=\"code\"><code>%s</code></pre>\n", strings.Join(highlight(language, code), ""))
	return ast.WalkSkipChildren, err
}

// highlight returns the lines of a text as HTML. Without its tags that is the
// text, unchanged.
func highlight(language, code string) []string {
	if language == "console" {
		return highlightConsole(code)
	}
	lines := []string{}
	for _, line := range tokensOf(language, code) {
		var marked strings.Builder
		for _, token := range line {
			marked.WriteString(span(classOf(token.Type), token.Value))
		}
		lines = append(lines, marked.String())
	}
	return lines
}

// tokensOf cuts a text into lines of tokens. A lexer that does not give back
// what it was given is not used.
func tokensOf(language, code string) [][]chroma.Token {
	plain := chroma.SplitTokensIntoLines([]chroma.Token{{Type: chroma.Text, Value: code}})
	lexer := lexers.Get(language)
	if language == "" || lexer == nil {
		return plain
	}
	stream, err := chroma.Coalesce(lexer).Tokenise(nil, code)
	if err != nil {
		return plain
	}
	tokens := stream.Tokens()
	var whole strings.Builder
	for _, token := range tokens {
		whole.WriteString(token.Value)
	}
	if whole.String() != code {
		return plain
	}
	return chroma.SplitTokensIntoLines(tokens)
}

func classOf(kind chroma.TokenType) string {
	switch {
	case kind.InCategory(chroma.Comment):
		return "comment"
	case kind.InCategory(chroma.Keyword):
		return "keyword"
	case kind.InSubCategory(chroma.LiteralString):
		return "string"
	case kind.InSubCategory(chroma.LiteralNumber):
		return "number"
	case kind == chroma.NameFunction:
		return "function"
	default:
		return ""
	}
}

// highlightConsole tells what was typed, after a prompt, from what was printed.
func highlightConsole(code string) []string {
	var lines []string
	for line := range strings.Lines(code) {
		typed := strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(typed, "# ") || strings.HasPrefix(typed, "$ ") {
			line = span("prompt", typed[:2]) + span("command", typed[2:]) + line[len(typed):]
		} else {
			line = html.EscapeString(line)
		}
		lines = append(lines, line)
	}
	return lines
}

func span(class, text string) string {
	if class == "" {
		return html.EscapeString(text)
	}
	return `<span class="` + class + `">` + html.EscapeString(text) + `</span>`
}

func renderHTMLBlock(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	block := node.(*ast.HTMLBlock)
	content := linesOf(block, source)
	if block.HasClosure() {
		content = append(content, block.ClosureLine.Value(source)...)
	}
	_, err := w.WriteString(ourHTML(string(content)))
	return ast.WalkSkipChildren, err
}

func renderRawHTML(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	segments := node.(*ast.RawHTML).Segments
	_, err := w.WriteString(ourHTML(string(segments.Value(source))))
	return ast.WalkSkipChildren, err
}

var (
	remark  = regexp.MustCompile(`(?s)<!--.*?-->`)
	ourTags = regexp.MustCompile(`</?(?:details|summary)>|<br ?/?>`)
)

// ourHTML lets folds and line breaks through, without attributes, and leaves
// remarks out. Anything else is text.
func ourHTML(content string) string {
	content = remark.ReplaceAllString(content, "")
	var safe strings.Builder
	for {
		place := ourTags.FindStringIndex(content)
		if place == nil {
			break
		}
		safe.WriteString(escapeText(content[:place[0]]) + content[place[0]:place[1]])
		content = content[place[1]:]
	}
	return safe.String() + escapeText(content)
}

func escapeText(text string) string { return html.EscapeString(html.UnescapeString(text)) }
