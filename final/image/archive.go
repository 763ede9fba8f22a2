package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"
)

// maxArchived is how many files an archive of images may have: hundreds of images
// of hundreds of layers.
const maxArchived = 100_000

// archived are the files of an archive of images, by name. They are in the store
// as blobs, whatever they are; what no image refers to is swept later.
type archived struct {
	store *Store
	files map[string]v1.Descriptor
	links map[string]string // in the archive
}

// readArchive reads an archive to its end. A file that the store has already is
// read and not written again.
func (s *Store) readArchive(ctx context.Context, source io.Reader) (*archived, error) {
	archive := &archived{store: s, files: make(map[string]v1.Descriptor), links: make(map[string]string)}
	reader := tar.NewReader(source)
	for count := 0; ; count++ {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, source) // who writes it is not to find the pipe closed
			return archive, err
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("read the archive: %w", err)
		}
		if count > maxArchived {
			return nil, fmt.Errorf("the archive has more than %d files", maxArchived)
		}
		if err := archive.add(header, reader); err != nil {
			return nil, fmt.Errorf("%q in the archive: %w", header.Name, err)
		}
	}
}

func (a *archived) add(header *tar.Header, content io.Reader) error {
	name := path.Clean("/" + header.Name)
	switch header.Typeflag {
	case tar.TypeReg:
		blob, err := a.store.keep(content)
		if err != nil {
			return err
		}
		folder, base := path.Split(name)
		if folder == "/blobs/sha256/" && base != blob.Digest.Encoded() {
			return WrongContentError{digest.NewDigestFromEncoded(digest.Canonical, base), "has the digest " + blob.Digest.String()}
		}
		a.files[name] = blob
	case tar.TypeSymlink:
		if strings.HasPrefix(header.Linkname, "/") {
			return errors.New("a link leads out of the archive")
		}
		a.links[name] = path.Join(path.Dir(name), header.Linkname)
	case tar.TypeLink:
		a.links[name] = path.Clean("/" + header.Linkname)
	}
	return nil
}

// keep puts content into the store under the name that it has by that.
func (s *Store) keep(content io.Reader) (v1.Descriptor, error) {
	incoming, err := s.create()
	if err != nil {
		return v1.Descriptor{}, err
	}
	defer incoming.discard()
	if _, err := incoming.copy(content); err != nil {
		return v1.Descriptor{}, err
	}
	blob := v1.Descriptor{Digest: incoming.digest(), Size: incoming.size}
	if has, err := s.has(blob); has || err != nil {
		return blob, err
	}
	return blob, incoming.keep(blob.Digest)
}

// file returns the blob that a file of the archive is.
func (a *archived) file(name string) (v1.Descriptor, error) {
	name = path.Clean("/" + name)
	for range 10 { // a link to itself is none
		if blob, ok := a.files[name]; ok {
			return blob, nil
		}
		target, ok := a.links[name]
		if !ok {
			break
		}
		name = target
	}
	return v1.Descriptor{}, fmt.Errorf("the archive has no file %s: it is not complete", strings.TrimPrefix(name, "/"))
}

// read returns a small file.
func (a *archived) read(name string) ([]byte, error) {
	blob, err := a.file(name)
	if err != nil {
		return nil, err
	}
	if blob.Size > maxDocument {
		return nil, fmt.Errorf("%s has %d bytes, and may have %d", name, blob.Size, maxDocument)
	}
	return a.store.read(blob.Digest)
}

func (a *archived) has(name string) bool {
	_, err := a.file(name)
	return err == nil
}
