package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// A promise that no test keeps is none.
func TestReliabilityIsKeptByTests(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	inside, err := filepath.Glob("*/*_test.go")
	require.NoError(t, err)
	exists := make(map[string]bool)
	for _, path := range append(files, inside...) {
		for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(read(t, path), -1) {
			exists[match[1]] = true
		}
	}
	page, err := os.ReadFile("RELIABILITY.md")
	require.NoError(t, err)
	for _, match := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(string(page), -1) {
		require.True(t, exists[match[1]], "RELIABILITY.md names %s, and there is no such test", match[1])
	}
}
