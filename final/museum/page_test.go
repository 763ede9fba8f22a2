package museum

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// The page lists every exhibit once in its first columns, and no other.
func TestPageListsEveryExhibit(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var exhibits, ofChapters []string
	for _, name := range files {
		for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`).FindAllStringSubmatch(string(contentOf(t, name)), -1) {
			switch name {
			case "page_test.go":
			case "chapters_test.go":
				ofChapters = append(ofChapters, found[1])
			default:
				exhibits = append(exhibits, found[1])
			}
		}
	}
	page, err := os.ReadFile("README.md")
	require.NoError(t, err)
	var listed []string
	for _, found := range regexp.MustCompile("(?m)^\\| `(Test\\w+)` \\|").FindAllStringSubmatch(string(page), -1) {
		listed = append(listed, found[1])
	}

	require.ElementsMatch(t, exhibits, listed)
	for _, name := range ofChapters {
		require.Contains(t, string(page), ": `"+name+"` |")
	}
	for _, found := range regexp.MustCompile("`(Test\\w+)` \\|$").FindAllStringSubmatch(string(page), -1) {
		require.Contains(t, append(ofChapters, exhibits...), found[1])
	}
}
