package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"mytinydocker/final/fault"
)

// Check looks for images that are damaged or not whole, for blobs that are not what
// their name says, which it reads all, and for what no image is made of.
func (s *Store) Check() ([]fault.Fault, error) {
	faults, err := s.checkImages()
	if err != nil {
		return nil, err
	}
	for _, find := range []func() ([]fault.Fault, error){s.checkBlobs, s.checkUnused} {
		found, err := find()
		if err != nil {
			return nil, err
		}
		faults = append(faults, found...)
	}
	return faults, nil
}

func (s *Store) checkImages() (faults []fault.Fault, err error) {
	images, err := s.List()
	if err != nil {
		return nil, err
	}
	for _, image := range images {
		name := image.Reference.String()
		if image.Reference == (Reference{}) {
			name = image.ID.Encoded()[:12]
		}
		if image.Damage != nil {
			faults = append(faults, fault.Fault{What: fmt.Sprintf("the image %s cannot be read: %v", name, image.Damage)})
			continue
		}
		for _, blob := range image.blobs {
			if has, err := s.has(blob); err == nil && !has {
				faults = append(faults, fault.Fault{What: fmt.Sprintf("the image %s lacks its layer %s: pull or load it again", name, blob.Digest)})
			}
		}
	}
	return faults, nil
}

// checkBlobs reads all blobs. One that is damaged is removed for repair: as it is, it
// keeps the same one from being pulled again.
func (s *Store) checkBlobs() (faults []fault.Fault, err error) {
	folder := s.path(v1.ImageBlobsDir, digest.Canonical.String())
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the blobs of the images: %w", err)
	}
	for _, entry := range entries {
		id := digest.NewDigestFromEncoded(digest.Canonical, entry.Name())
		whole, err := s.verify(id)
		if errors.Is(err, fs.ErrNotExist) || whole {
			continue // just removed, or as it should be
		}
		faults = append(faults, fault.Fault{
			What:   fmt.Sprintf("the blob %s is damaged: what is made of it has to be pulled or loaded again", id),
			Repair: func() error { return removeFiles(folder, func(e fs.DirEntry) bool { return e.Name() == id.Encoded() }) },
		})
	}
	return faults, nil
}

// verify reports whether a blob has the content that its name says.
func (s *Store) verify(id digest.Digest) (bool, error) {
	file, err := s.open(id)
	if err != nil {
		return false, err
	}
	defer file.Close()
	verifier := id.Verifier()
	if _, err := io.Copy(verifier, file); err != nil {
		return false, err
	}
	return verifier.Verified(), nil
}

// checkUnused finds what the next sweep would remove, unless somebody is about to use it.
func (s *Store) checkUnused() ([]fault.Fault, error) {
	unlock, err := s.lock(whole, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer unlock()
	used, err := s.used()
	if errors.Is(err, ErrDamaged) || errors.Is(err, ErrUnknownUse) {
		return nil, nil // nobody knows, as long as that is so
	}
	if err != nil {
		return nil, err
	}
	unused := 0
	for _, folder := range []string{s.path(v1.ImageBlobsDir, digest.Canonical.String()), s.path("partial")} {
		entries, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list the blobs of the images: %w", err)
		}
		for _, entry := range entries {
			if !used[digest.NewDigestFromEncoded(digest.Canonical, entry.Name())] {
				unused++
			}
		}
	}
	layers, err := s.layers.Unused(used)
	if err != nil || unused+len(layers) == 0 {
		return nil, err
	}
	return []fault.Fault{{
		What:   fmt.Sprintf("%d blobs and %d unpacked layers are those of no image and no container", unused, len(layers)),
		Repair: func() error { _, err := s.Sweep(); return err },
	}}, nil
}
