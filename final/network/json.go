package network

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
)

// writeJSON writes a file as a whole: whoever reads it finds the old content or the
// new. A durable one is on disk when this returns, with its name. There is one writer
// at a time.
func writeJSON(path string, value any, durable bool) error {
	content, err := json.MarshalIndent(value, "", "\t")
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(content, '\n'))
	if err == nil && durable {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	if durable {
		return syncFolder(filepath.Dir(path))
	}
	return nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
