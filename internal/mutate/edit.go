package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Edit is one change of a file: Old is in it once, and New stands there instead.
type Edit struct{ File, Old, New string }

// edited returns the files of the edits, changed, by their paths below folder. Edits of
// one file are made one after the other.
func edited(folder string, edits []Edit) (map[string]string, error) {
	files := make(map[string]string)
	for _, edit := range edits {
		if _, changed := files[edit.File]; !changed {
			content, err := os.ReadFile(filepath.Join(folder, edit.File))
			if err != nil {
				return nil, err
			}
			files[edit.File] = string(content)
		}
		if count := strings.Count(files[edit.File], edit.Old); count != 1 || edit.Old == edit.New {
			return nil, fmt.Errorf("its old text is %d times in %s", count, edit.File)
		}
		files[edit.File] = strings.Replace(files[edit.File], edit.Old, edit.New, 1)
	}
	return files, nil
}

// writeOverlay writes the changed files into a folder and returns the flag that has Go
// take them in place of those in source (`go help build`).
func writeOverlay(folder, source string, files map[string]string) (flag string, err error) {
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for name, content := range files {
		path := filepath.Join(folder, strings.ReplaceAll(name, "/", "-"))
		overlay.Replace[filepath.Join(source, name)] = path
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return "", err
		}
	}
	content, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "overlay.json")
	return "-overlay=" + path, os.WriteFile(path, content, 0o644)
}
