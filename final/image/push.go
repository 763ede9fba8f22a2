package image

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	gcr "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"
)

// Push brings an image to the registry in its name and returns the digest of its
// manifest there. What the registry has is not sent again.
func (s *Store) Push(ctx context.Context, name string, progress Progress) (digest.Digest, error) {
	reference, err := ParseReference(name)
	if err != nil {
		return "", err
	}
	if reference.Digest != "" {
		return "", fmt.Errorf("push %s: give a tag, the digest follows from the image", reference)
	}
	release, err := s.Hold()
	if err != nil {
		return "", err
	}
	defer release()
	image, err := s.findNamed(reference)
	if err != nil {
		return "", err
	}
	if image, err = s.materialize(image); err != nil {
		return "", fmt.Errorf("write the image %s: %w", name, err)
	}
	if err := s.push(ctx, reference, image, progress); err != nil {
		return "", fmt.Errorf("push %s: %w", reference, explain(err, reference))
	}
	if isBuiltIn(reference) {
		return image.manifest.Digest, nil
	}
	return image.manifest.Digest, s.name(&record{Name: reference.String(), Manifest: image.manifest, Source: image.manifest.Digest})
}

func (s *Store) push(ctx context.Context, reference Reference, image *Image, progress Progress) error {
	full, err := reference.remote()
	if err != nil {
		return err
	}
	content, err := s.read(image.manifest.Digest)
	if err != nil {
		return err
	}
	outgoing, err := partial.CompressedToImage(&outgoing{store: s, image: image, manifest: content, progress: progress})
	if err != nil {
		return err
	}
	options, done := s.Registries.options(ctx)
	defer done()
	options = append(options, remote.WithJobs(parallel))
	err = s.Registries.retry(ctx, func() {}, func() error { return remote.Write(full, outgoing, options...) })
	if err != nil {
		return err
	}
	for _, blob := range image.blobs {
		progress.say(blob.Digest, "Done", blob.Size, blob.Size)
	}
	return nil
}

// outgoing is an image as the library that talks to registries wants to have it.
type outgoing struct {
	store    *Store
	image    *Image
	manifest []byte
	progress Progress
}

// RawConfigFile, RawManifest, MediaType and LayerByDigest are those of
// partial.CompressedImageCore.
func (o *outgoing) RawConfigFile() ([]byte, error) { return o.image.raw, nil }
func (o *outgoing) RawManifest() ([]byte, error)   { return o.manifest, nil }
func (o *outgoing) MediaType() (types.MediaType, error) {
	return types.MediaType(o.image.manifest.MediaType), nil
}

func (o *outgoing) LayerByDigest(hash gcr.Hash) (partial.CompressedLayer, error) {
	for _, blob := range o.image.blobs {
		if blob.Digest.String() == hash.String() {
			return &outgoingLayer{o, blob}, nil
		}
	}
	return nil, fmt.Errorf("the image has no layer %s", hash)
}

type outgoingLayer struct {
	*outgoing
	blob v1.Descriptor
}

func (l *outgoingLayer) Digest() (gcr.Hash, error) { return gcr.NewHash(l.blob.Digest.String()) }
func (l *outgoingLayer) Size() (int64, error)      { return l.blob.Size, nil }
func (l *outgoingLayer) MediaType() (types.MediaType, error) {
	return types.MediaType(l.blob.MediaType), nil
}

func (l *outgoingLayer) Compressed() (io.ReadCloser, error) {
	file, err := l.store.open(l.blob.Digest)
	if err != nil {
		return nil, err
	}
	watched := &observed{Reader: file, progress: l.progress, id: l.blob.Digest, action: "Pushing", total: l.blob.Size}
	return &sending{Reader: watched, file: file}, nil
}

// sending is a file that is closed once, however often a client closes it.
type sending struct {
	io.Reader
	file *os.File
	once sync.Once
}

func (s *sending) Close() error {
	s.once.Do(func() { s.file.Close() })
	return nil
}
