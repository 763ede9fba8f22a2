package chapters

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTranslationsSayTheSame(t *testing.T) {
	folders := []string{"."}
	for _, chapter := range All {
		folders = append(folders, chapter.Folder)
	}
	for _, folder := range folders {
		t.Run(folder, func(t *testing.T) {
			wrong, err := CheckTranslation(filepath.Join(root, folder))

			require.NoError(t, err)
			require.Empty(t, wrong, strings.Join(wrong, "\n"))
		})
	}
}

func TestTranslationThatIsWrong(t *testing.T) {
	const original = "# T\n\n## One\n\n   Read \"One\".\n\n[a](x.go) [b](../o/README.md)\n\n```go\nx\n```\n\n```mermaid\nA[in]\n```\n\n`TestA` <details>\n\n   ```console\n   # ls\n   ```\n"
	const good = "# 第\n\n[English](README.md)\n\n## 一\n\n   先读“一”。\n\n[甲](x.go) [乙](../o/README.zh-CN.md)\n\n```go\nx\n```\n\n```mermaid\nA[里]\n```\n\n`TestA` <details>\n\n   ```console\n   # ls\n   ```\n"
	for name, translation := range map[string]string{
		"good":                 good,
		"heading":              strings.Replace(good, "## 一\n", "", 1),
		"level":                strings.Replace(good, "## 一", "### 一", 1),
		"code":                 strings.Replace(good, "\nx\n", "\ny\n", 1),
		"place to read":        strings.Replace(good, "先读“一”", "先读“二”", 1),
		"nothing to read":      strings.Replace(good, "先读“一”", "读", 1),
		"code of a step":       strings.Replace(good, "# ls", "# ps", 1),
		"diagram":              strings.Replace(good, "```mermaid\nA[里]\n```\n", "", 1),
		"link":                 strings.Replace(good, "(x.go)", "(y.go)", 1),
		"way back":             strings.Replace(good, "[English](README.md)\n", "", 1),
		"test":                 strings.Replace(good, "`TestA`", "`TestB`", 1),
		"hint":                 strings.Replace(good, "<details>", "", 1),
		"link to the original": strings.Replace(good, "o/README.zh-CN.md", "o/README.md", 1),
	} {
		folder := tree(t, map[string]string{"c/README.md": original, "c/README.zh-CN.md": translation, "o/README.zh-CN.md": ""})

		wrong, err := CheckTranslation(filepath.Join(folder, "c"))

		require.NoError(t, err)
		require.Equal(t, name == "good", len(wrong) == 0, "%s: %v", name, wrong)
	}
}
