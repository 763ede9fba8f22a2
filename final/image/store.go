// Package image keeps the images that containers are made from: what they are
// called, what they contain and how a container of theirs starts. It gets them
// from registries and archives, and brings them there.
package image

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/opencontainers/go-digest"

	"mytinydocker/final/storage"
)

// ErrNotFound is returned for an image that is not there.
var ErrNotFound = errors.New("no such image")

// ErrUnknownUse is returned by who cannot say which layers are in use. Then all are.
var ErrUnknownUse = errors.New("so nobody knows its layers: remove it first (rm -f)")

// Store is the images below one folder. That is an OCI image layout, which other
// tools can read, and what we need beside it:
//
//	oci-layout, index.json  as the layout has them; made for others, never read
//	blobs/sha256/HEX        a manifest, a configuration or a layer, complete and verified
//	names/HEX               a record: the name of an image and its manifest
//	partial/                blobs on their way in
//	locks/                  files to lock
//	garbage                 is there when something was not removed because somebody held the store
//
// Which blobs and layers are in use is found by looking at the records, so there
// is no count that could be wrong. A blob is on disk before a record refers to it,
// and goes after the last record has.
type Store struct {
	Registries Registries
	// InUse returns the layers that containers are made of, which stay whatever
	// becomes of their images.
	InUse func() ([]digest.Digest, error)

	root   string
	layers *storage.Layers
}

// Registries says how registries are talked to. The zero value is good.
type Registries struct {
	Transport http.RoundTripper // nil for one of ours
	Keychain  authn.Keychain    // nil for Docker's credential files
	Patience  time.Duration     // before the first repetition; 0 for half a second
}

// New returns the store below root, which is made when something is put there. The
// layers of its images are unpacked into layers.
func New(root string, layers *storage.Layers) *Store {
	return &Store{root: root, layers: layers}
}

func (s *Store) path(elements ...string) string {
	return filepath.Join(append([]string{s.root}, elements...)...)
}

// folder returns the path of a folder of the store, which it makes.
func (s *Store) folder(name string) (string, error) {
	path := s.path(name)
	return path, os.MkdirAll(path, 0o700)
}
