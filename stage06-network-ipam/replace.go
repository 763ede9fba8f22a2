package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// replaceFile has write write a file, which gets its name when it is complete and
// on the disk (rename(2)). Until then, and if anything fails, there is what was there
// before, and nothing else. Only its owner may read it. Whoever calls this sees to it
// that one at a time does so in a folder.
//
//learn:exercise
func replaceFile(path string, write func(io.Writer) error) error {
	partial := filepath.Join(filepath.Dir(path), ".partial") // nothing of ours has such a name
	file, err := os.OpenFile(partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(write(file), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(partial, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	return nil
}
