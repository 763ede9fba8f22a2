package image

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"
)

// repository is an image's place in a registry, to read from.
type repository struct {
	registries Registries
	reference  Reference
	name       name.Repository
	puller     *remote.Puller
	progress   Progress
	close      func() // ends the connections
}

// options are those that all requests are made with. The library repeats nothing:
// that is decided where it is known what the repetition is of.
func (r Registries) options(ctx context.Context) (options []remote.Option, done func()) {
	transport, keychain := r.Transport, r.Keychain
	done = func() {}
	if transport == nil {
		own := newTransport()
		transport, done = own, own.CloseIdleConnections
	}
	if keychain == nil {
		keychain = authn.DefaultKeychain
	}
	return []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(guarded{transport}), remote.WithAuthFromKeychain(keychain),
		remote.WithUserAgent("tinydocker"), remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
	}, done
}

func (r Registries) repository(ctx context.Context, reference Reference, progress Progress) (*repository, error) {
	options, done := r.options(ctx)
	puller, err := remote.NewPuller(options...)
	if err != nil {
		return nil, err
	}
	full, err := reference.remote()
	if err != nil {
		return nil, err
	}
	return &repository{registries: r, reference: reference, name: full.Context(), puller: puller, progress: progress, close: done}, nil
}

// document gets a manifest or an index by name or digest. The size of one that an
// index names is as said there.
func (r *repository) document(ctx context.Context, reference Reference, said *v1.Descriptor) (*document, v1.Descriptor, []byte, error) {
	full, err := reference.remote()
	if err != nil {
		return nil, v1.Descriptor{}, nil, err
	}
	var answer *remote.Descriptor
	err = r.registries.retry(ctx, func() {}, func() (err error) {
		answer, err = r.puller.Get(ctx, full)
		return err
	})
	if err != nil {
		return nil, v1.Descriptor{}, nil, fmt.Errorf("get the manifest: %w", explain(err, reference))
	}
	content := answer.Manifest
	got := v1.Descriptor{MediaType: string(answer.MediaType), Digest: digest.FromBytes(content), Size: int64(len(content))}
	if reference.Digest != "" && got.Digest != reference.Digest {
		return nil, got, nil, WrongContentError{reference.Digest, "has the digest " + got.Digest.String()}
	}
	if said != nil && said.Size != got.Size {
		return nil, got, nil, WrongContentError{got.Digest, fmt.Sprintf("has %d bytes and not %d", got.Size, said.Size)}
	}
	if answer.MediaType == types.DockerManifestSchema1 || answer.MediaType == types.DockerManifestSchema1Signed {
		return nil, got, nil, errors.New("its manifest is of the first version, which no registry should have any more: ask for a newer image")
	}
	parsed, err := parseDocument(content, got.MediaType)
	if err != nil {
		return nil, got, nil, err
	}
	got.MediaType = parsed.mediaType()
	return parsed, got, content, nil
}

// blob gets a blob into the store, unless it is there. The urls by which a layer may
// say that it is to be had elsewhere are not looked at: they lead anywhere.
func (r *repository) blob(ctx context.Context, store *Store, blob v1.Descriptor) error {
	err := store.ensure(ctx, blob, func() error {
		waiting := func() { r.progress.say(blob.Digest, "Waiting to try again", 0, blob.Size) }
		return r.registries.retry(ctx, waiting, func() error { return r.download(ctx, store, blob) })
	})
	if err != nil {
		return fmt.Errorf("get %s: %w", blob.Digest, explain(err, r.reference))
	}
	return nil
}

func (r *repository) download(ctx context.Context, store *Store, blob v1.Descriptor) error {
	remoteBlob, err := r.puller.Layer(ctx, r.name.Digest(blob.Digest.String()))
	if err != nil {
		return err
	}
	body, err := remoteBlob.Compressed()
	if err != nil {
		return err
	}
	defer body.Close()
	r.progress.say(blob.Digest, "Downloading", 0, blob.Size)
	return store.add(blob, io.Reader(&observed{Reader: body, progress: r.progress, id: blob.Digest, action: "Downloading", total: blob.Size}))
}
