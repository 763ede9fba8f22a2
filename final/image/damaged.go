package image

import (
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"mytinydocker/final/storage"
)

// ErrDamaged is returned for an image whose record, manifest or configuration cannot be
// read. It concerns nobody else: it is listed with what is known of it, and can be
// removed.
var ErrDamaged = errors.New("it is damaged: pull or load it again, or remove it (tinydocker rmi)")

// damagedRecord stands for a record that cannot be read: its file is all that there is.
func damagedRecord(key string, err error) *record {
	return &record{file: key, damage: fmt.Errorf("%w: %w", ErrDamaged, err)}
}

// damagedImage is all that is known of an image that cannot be opened. The digest of its
// manifest stands for its id, or that of its name if there is no more.
func damagedImage(record *record, err error) *Image {
	image := &Image{ID: record.Manifest.Digest, Source: record.Source, Damage: err, manifest: record.Manifest}
	if image.ID == "" {
		image.ID = digest.NewDigestFromEncoded(digest.Canonical, strings.TrimPrefix(record.key(), "unnamed-"))
	}
	if image.ID.Validate() != nil {
		image.ID = digest.FromString(record.key())
	}
	if reference, err := ParseReference(record.Name); err == nil {
		image.Reference = reference
	}
	return image
}

// removeDamaged removes the record of a damaged image, by its name or by the beginning
// of what its id is shown as. Nobody knows what it was made of, so nothing else goes
// now: the next sweep finds what nobody refers to any more.
func (s *Store) removeDamaged(name string) (Removal, error) {
	records, err := s.records()
	if err != nil {
		return Removal{}, err
	}
	wanted := ""
	if reference, err := ParseReference(name); err == nil {
		wanted = (&record{Name: reference.named().String()}).key()
	}
	prefix := strings.TrimPrefix(name, "sha256:")
	for _, record := range records {
		_, err := s.image(record)
		if !errors.Is(err, ErrDamaged) {
			continue
		}
		image := damagedImage(record, err)
		if record.key() != wanted && (prefix == "" || !strings.HasPrefix(image.ID.Encoded(), prefix)) {
			continue
		}
		removal := Removal{Deleted: []digest.Digest{image.ID}}
		if record.Name != "" {
			removal.Untagged = []string{record.Name}
		}
		return removal, s.unname(record)
	}
	return Removal{}, fmt.Errorf("%w: %s", ErrNotFound, name)
}

// removeRecord removes the file of a record, or whatever is in its place.
func (s *Store) removeRecord(key string) error { return storage.RemoveAll(s.path("names", key)) }
