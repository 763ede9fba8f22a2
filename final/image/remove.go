package image

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
)

// Removal is what was removed.
type Removal struct {
	Untagged []string        // names
	Deleted  []digest.Digest // ids of images that are gone
	Freed    int64           // bytes of blobs
}

// Remove takes a name from an image, and removes it with its last name. By its id
// it is removed with all its names, if these are not in several repositories.
// users returns the containers of an image: one that has any is removed only by
// force, and its layers stay until they are gone.
func (s *Store) Remove(name string, force bool, users func(digest.Digest) ([]string, error)) (Removal, error) {
	removal, err := s.remove(name, force, users)
	if err != nil || len(removal.Deleted) == 0 {
		return removal, err
	}
	removal.Freed, err = s.Sweep()
	return removal, err
}

func (s *Store) remove(name string, force bool, users func(digest.Digest) ([]string, error)) (Removal, error) {
	release, err := s.Hold()
	if err != nil {
		return Removal{}, err
	}
	defer release()
	image, err := s.Find(name)
	if errors.Is(err, ErrDamaged) {
		return s.removeDamaged(name)
	}
	if err != nil {
		return Removal{}, err
	}
	if image.isBuiltIn() {
		return Removal{}, fmt.Errorf("remove the image %s: %w", image.Reference, errBuiltIn)
	}
	all, err := s.recordsOf(image.ID)
	if err != nil {
		return Removal{}, err
	}
	doomed := all
	if reference, err := ParseReference(name); err == nil && reference.named() == image.Reference {
		doomed = slices.DeleteFunc(slices.Clone(all), func(r *record) bool { return r.Name != image.Reference.String() })
	} else if repositories(all) > 1 && !force {
		return Removal{}, fmt.Errorf("the image %.12s has names in several repositories: remove these, or use --force", image.ID.Encoded())
	}
	removal := Removal{}
	if len(doomed) == len(all) {
		containers, err := users(image.ID)
		if err != nil {
			return removal, err
		}
		if len(containers) > 0 && !force {
			return removal, fmt.Errorf("the image %s is in use by the container %.12s: remove that one (tinydocker rm %.12s) or use --force",
				name, containers[0], containers[0])
		}
		removal.Deleted = append(removal.Deleted, image.ID)
	}
	for _, record := range doomed {
		if err := s.unname(record); err != nil {
			return removal, err
		}
		if record.Name != "" {
			removal.Untagged = append(removal.Untagged, record.Name)
		}
	}
	return removal, nil
}

// recordsOf returns the records of an image.
func (s *Store) recordsOf(id digest.Digest) ([]*record, error) {
	records, err := s.records()
	if err != nil {
		return nil, err
	}
	var found []*record
	for _, record := range records {
		image, err := s.image(record)
		if errors.Is(err, ErrDamaged) {
			continue // nobody knows whether it is one of it
		}
		if err != nil {
			return nil, err
		}
		if image.ID == id {
			found = append(found, record)
		}
	}
	return found, nil
}

func repositories(records []*record) int {
	seen := make(map[string]bool)
	for _, record := range records {
		if reference, err := ParseReference(record.Name); err == nil {
			seen[reference.Repository] = true
		}
	}
	return len(seen)
}

// Prune removes the images without a name or, with all, those that no container is
// made from. keep reports whether there is another reason to keep an image; it may
// be nil.
func (s *Store) Prune(all bool, users func(digest.Digest) ([]string, error), keep func(*Image) bool) (Removal, error) {
	removal, err := s.prune(all, users, keep)
	if err != nil {
		return removal, err
	}
	removal.Freed, err = s.Sweep()
	return removal, err
}

func (s *Store) prune(all bool, users func(digest.Digest) ([]string, error), keep func(*Image) bool) (removal Removal, err error) {
	release, err := s.Hold()
	if err != nil {
		return removal, err
	}
	defer release()
	images, err := s.List()
	if err != nil {
		return removal, err
	}
	kept := make(map[digest.Digest]bool)
	for _, image := range images {
		if image.Damage != nil {
			continue // nobody knows whose it is
		}
		containers, err := users(image.ID)
		if err != nil {
			return removal, err
		}
		named := image.Reference != (Reference{})
		if image.isBuiltIn() || len(containers) > 0 || !all && named || keep != nil && keep(image) {
			kept[image.ID] = kept[image.ID] || named || len(containers) > 0
			continue
		}
		record := &record{Manifest: image.manifest}
		if named {
			record.Name = image.Reference.String()
			removal.Untagged = append(removal.Untagged, record.Name)
		}
		if err := s.unname(record); err != nil {
			return removal, err
		}
		removal.Deleted = append(removal.Deleted, image.ID)
	}
	removal.Deleted = slices.DeleteFunc(slices.Compact(removal.Deleted), func(id digest.Digest) bool { return kept[id] })
	return removal, nil
}

// Tag gives an image another name.
func (s *Store) Tag(name, added string) error {
	reference, err := ParseReference(added)
	if err != nil {
		return err
	}
	if reference.Digest != "" {
		return fmt.Errorf("name an image %s: a digest is not for us to choose", added)
	}
	if isBuiltIn(reference) {
		return fmt.Errorf("name an image %s: %w", reference, errBuiltIn)
	}
	release, err := s.Hold()
	if err != nil {
		return err
	}
	defer release()
	image, err := s.Find(name)
	if err != nil {
		return err
	}
	if image, err = s.materialize(image); err != nil {
		return fmt.Errorf("write the image %s: %w", name, err)
	}
	return s.name(&record{Name: reference.String(), Manifest: image.manifest})
}
