package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"
)

// record says that there is an image, and what it is called. An image that has
// lost its name to another one, or never had any, has a record without a name.
type record struct {
	Name     string        `json:"name,omitempty"`
	Manifest v1.Descriptor `json:"manifest"`
	// Source is the digest that the registry has for the name: of the manifest or
	// of the index that it was chosen from.
	Source  digest.Digest `json:"source,omitempty"`
	Updated time.Time     `json:"updated"`

	file   string // that it is kept in, if that does not follow from the name
	damage error  // why it cannot be read; then there is nothing but the file
}

// key is the name of the record's file.
func (r *record) key() string {
	if r.file != "" {
		return r.file
	}
	if r.Name == "" {
		return "unnamed-" + r.Manifest.Digest.Encoded()
	}
	return digest.FromString(r.Name).Encoded()
}

func (s *Store) readRecord(key string) (*record, error) {
	content, err := os.ReadFile(s.path("names", key))
	if err != nil {
		return nil, err
	}
	var found record
	if err := json.Unmarshal(content, &found); err != nil {
		return nil, fmt.Errorf("read the record of an image %s: %w", s.path("names", key), err)
	}
	if err := found.Manifest.Digest.Validate(); err != nil || found.key() != key {
		return nil, fmt.Errorf("the record of an image %s is damaged: remove that file", s.path("names", key))
	}
	return &found, nil
}

func (s *Store) writeRecord(record *record) error {
	folder, err := s.folder("names")
	if err != nil {
		return err
	}
	content, err := json.MarshalIndent(record, "", "\t")
	if err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(folder, record.key()), append(content, '\n')); err != nil {
		return err
	}
	return syncFolder(folder)
}

// replaceFile gives a file of the store another content as a whole. It is written beside
// it, under a name that begins with ".": whoever is killed leaves that, for Sweep.
func replaceFile(path string, content []byte) error {
	return renameio.WriteFile(path, content, 0o600, renameio.WithTempDir(filepath.Dir(path)))
}

// records returns all records, by name; also those that are damaged.
func (s *Store) records() ([]*record, error) {
	entries, err := os.ReadDir(s.path("names"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the images: %w", err)
	}
	var all []*record
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue // half written
		}
		record, err := s.readRecord(entry.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue // just removed
		}
		if err != nil {
			record = damagedRecord(entry.Name(), err)
		}
		all = append(all, record)
	}
	slices.SortFunc(all, func(a, b *record) int {
		return strings.Compare(a.Name+"\n"+a.key(), b.Name+"\n"+b.key())
	})
	return all, nil
}

// name records an image under a name, which another image may lose thereby. That
// one stays, without it.
func (s *Store) name(added *record) error {
	unlock, err := s.lock("name-"+added.key(), unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock()
	added.Updated = time.Now().UTC()
	was, err := s.readRecord(added.key())
	if err == nil && added.Name != "" && was.Manifest.Digest != added.Manifest.Digest {
		if err := s.writeRecord(&record{Manifest: was.Manifest, Updated: was.Updated}); err != nil {
			return fmt.Errorf("record the image that was called %s: %w", added.Name, err)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		// It is damaged, and this is what mends it.
		if err := s.removeRecord(added.key()); err != nil {
			return err
		}
	}
	if err := s.writeRecord(added); err != nil {
		return fmt.Errorf("record the image %s: %w", added.Name, err)
	}
	return s.publish()
}

// unname removes a record.
func (s *Store) unname(record *record) error {
	unlock, err := s.lock("name-"+record.key(), unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.removeRecord(record.key()); err != nil {
		return fmt.Errorf("remove the record of the image %s: %w", record.Name, err)
	}
	return s.publish()
}

// publish writes the index of the layout, for tools other than ours.
func (s *Store) publish() error {
	unlock, err := s.lock("index", unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock()
	records, err := s.records()
	if err != nil {
		return err
	}
	layout, err := json.Marshal(v1.ImageLayout{Version: v1.ImageLayoutVersion})
	if err != nil {
		return err
	}
	index, err := json.Marshal(indexOf(records))
	if err != nil {
		return err
	}
	if err := replaceFile(s.path(v1.ImageLayoutFile), layout); err != nil {
		return fmt.Errorf("write the layout of the images: %w", err)
	}
	if err := replaceFile(s.path(v1.ImageIndexFile), index); err != nil {
		return fmt.Errorf("write the index of the images: %w", err)
	}
	return nil
}
