package image

import (
	"context"
	"fmt"
	"io"

	"github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// parallel is how many layers are on their way at once.
const parallel = 4

// PullOptions says how an image is pulled.
type PullOptions struct {
	Platform string // OS/ARCHITECTURE[/VARIANT]; "" for this machine's
	Progress Progress
}

// Pull gets an image from the registry in its name, or makes sure that it is the
// one that is there. All that is got is verified. If it fails, the name means what
// it meant before; the blobs that were complete are not got again the next time.
func (s *Store) Pull(ctx context.Context, name string, options PullOptions) (*Image, error) {
	reference, err := ParseReference(name)
	if err != nil {
		return nil, err
	}
	if isBuiltIn(reference) {
		return builtIn()
	}
	platform, err := parsePlatform(options.Platform)
	if err != nil {
		return nil, err
	}
	release, err := s.Hold()
	if err != nil {
		return nil, err
	}
	defer release()
	image, err := s.pull(ctx, reference, platform, options)
	if err != nil {
		return nil, fmt.Errorf("pull %s: %w", reference, err)
	}
	return image, nil
}

func (s *Store) pull(ctx context.Context, reference Reference, platform v1.Platform, options PullOptions) (*Image, error) {
	repository, err := s.Registries.repository(ctx, reference, options.Progress)
	if err != nil {
		return nil, err
	}
	defer repository.close()
	parsed, top, content, err := repository.document(ctx, reference, nil)
	if err != nil {
		return nil, err
	}
	if _, err := s.put(top.MediaType, content); err != nil {
		return nil, err
	}
	manifest := top
	if parsed.isIndex() {
		chosen, err := choose(parsed, platform)
		if err != nil {
			return nil, err
		}
		parsed, manifest, content, err = repository.document(ctx, Reference{reference.Repository, "", chosen.Digest}, &chosen)
		if err != nil {
			return nil, err
		}
		if parsed.isIndex() {
			return nil, fmt.Errorf("the index names another index, %s", chosen.Digest)
		}
		if _, err := s.put(manifest.MediaType, content); err != nil {
			return nil, err
		}
	}
	if err := repository.image(ctx, s, parsed); err != nil {
		return nil, err
	}
	added := &record{Name: reference.named().String(), Manifest: manifest, Source: top.Digest}
	if err := s.name(added); err != nil {
		return nil, err
	}
	return s.image(added)
}

// image gets the blobs of an image and unpacks its layers, several at once.
func (r *repository) image(ctx context.Context, store *Store, manifest *document) error {
	if manifest.Config.Size > maxDocument {
		return fmt.Errorf("its configuration has %d bytes, and may have %d", manifest.Config.Size, maxDocument)
	}
	if err := r.blob(ctx, store, *manifest.Config); err != nil {
		return err
	}
	raw, err := store.read(manifest.Config.Digest)
	if err != nil {
		return err
	}
	config, err := parseConfig(raw, len(manifest.Layers))
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for index, blob := range manifest.Layers {
		group.Go(func() error {
			if has, err := store.has(blob); has && err == nil {
				r.progress.say(blob.Digest, "Already exists", blob.Size, blob.Size)
			}
			if err := r.blob(ctx, store, blob); err != nil {
				return err
			}
			r.progress.say(blob.Digest, "Unpacking", blob.Size, blob.Size)
			diffID := config.RootFS.DiffIDs[index]
			_, err := store.layers.Ensure(diffID, func() (io.ReadCloser, error) { return store.openLayer(blob) })
			if err != nil {
				return err
			}
			r.progress.say(blob.Digest, "Done", blob.Size, blob.Size)
			return nil
		})
	}
	return group.Wait()
}
