package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"

	"mytinydocker/final/image"
)

// ImageStore is the images of this engine's containers.
func (e *Engine) ImageStore() *image.Store { return e.images }

// When an image is pulled for a new container.
const (
	PullMissing = "missing" // if it is not there
	PullAlways  = "always"
	PullNever   = "never"
)

// EnsureImage pulls the image that a container is to be made from, if policy says so.
func (e *Engine) EnsureImage(ctx context.Context, name, policy string, options image.PullOptions) error {
	switch policy {
	case PullNever:
		return nil
	case PullAlways:
		_, err := e.images.Pull(ctx, name, options)
		return err
	case PullMissing, "":
	default:
		return fmt.Errorf("unknown pull policy %q: always, missing or never", policy)
	}
	_, err := e.images.Find(name)
	if !errors.Is(err, image.ErrNotFound) {
		return err
	}
	if _, err := image.ParseReference(name); err != nil {
		return err
	}
	_, err = e.images.Pull(ctx, name, options)
	return err
}

// imageUsers returns the containers that are made from an image.
func (e *Engine) imageUsers(id digest.Digest) ([]string, error) {
	list, err := e.List()
	if err != nil {
		return nil, err
	}
	var users []string
	for index := range list {
		if list[index].ImageID == id.String() {
			users = append(users, list[index].ID)
		}
	}
	return users, nil
}

// layersInUse returns the layers that containers have. A record that cannot be read
// may name any.
func (e *Engine) layersInUse() ([]digest.Digest, error) {
	list, err := e.List()
	if err != nil {
		return nil, err
	}
	var layers []digest.Digest
	for index := range list {
		if list[index].Status == Damaged {
			return nil, fmt.Errorf("the record of the container %.12s cannot be read, %w", list[index].ID, image.ErrUnknownUse)
		}
		for _, layer := range list[index].Layers {
			layers = append(layers, digest.Digest(layer))
		}
	}
	return layers, nil
}

// RemoveImage takes a name from an image, or removes it.
func (e *Engine) RemoveImage(name string, force bool) (image.Removal, error) {
	return e.images.Remove(name, force, e.imageUsers)
}

// PruneImages removes the images without a name or, with all, those that no container
// is made from.
func (e *Engine) PruneImages(all bool, keep func(*image.Image) bool) (image.Removal, error) {
	return e.images.Prune(all, e.imageUsers, keep)
}

// CommitOptions says how a container becomes an image.
type CommitOptions struct {
	image.MakeOptions
	Pause bool // it, while its files are read
}

// Commit makes an image of a container: its image, and a layer with what it has
// written. What is mounted in it is not part of that.
func (e *Engine) Commit(name string, options CommitOptions) (*image.Image, error) {
	container, err := e.Get(name)
	if err != nil {
		return nil, err
	}
	parent, err := e.images.Find(container.ImageID)
	if err != nil {
		return nil, fmt.Errorf("find the image of the container %s, without which it is not whole: %w", container.Name, err)
	}
	pause := container.Status == Running && options.Pause
	if pause {
		if err := e.unlessEnded(container.ID, e.Pause(container.ID)); err != nil {
			return nil, err
		}
	}
	options.CreatedBy = strings.Join(container.Command(), " ")
	made, err := e.images.Commit(parent, imageConfigOf(&container.Record, parent), e.upperOf(&container.Record).Diff, options.MakeOptions)
	if pause {
		err = errors.Join(err, e.unlessEnded(container.ID, e.Unpause(container.ID)))
	}
	if err != nil {
		return nil, e.orGone(container.ID, fmt.Errorf("commit the container %s: %w", container.Name, err))
	}
	return made, nil
}

// unlessEnded makes nothing of an error with a container that has ended meanwhile: what
// it has written stays as it is.
func (e *Engine) unlessEnded(id string, failed error) error {
	if failed == nil {
		return nil
	}
	if _, err := e.readRecord(id); err != nil {
		return failed
	}
	state, _ := e.readState(id) // without one, nothing lives
	if lives, err := state.Program.lives(); lives || err != nil {
		return failed
	}
	return nil
}

// imageConfigOf is how another container like this one starts.
func imageConfigOf(record *Record, parent *image.Image) v1.ImageConfig {
	config := parent.Config.Config
	config.User, config.Entrypoint, config.Cmd = record.User, record.Entrypoint, record.Cmd
	config.WorkingDir, config.StopSignal = record.WorkingDir, record.StopSignal
	config.Labels = record.Labels
	// What every container gets anew is not the image's.
	config.Env = slices.DeleteFunc(slices.Clone(record.Env), func(variable string) bool {
		return variable == "HOSTNAME="+record.Hostname || record.Terminal && variable == "TERM=xterm"
	})
	return config
}

// Export writes all files of a container, running or not, as a tar archive, without
// those that are mounted in it.
func (e *Engine) Export(name string, out io.Writer) error {
	container, err := e.Get(name)
	if err != nil {
		return err
	}
	if err := e.upperOf(&container.Record).View().Archive(out, "/"); err != nil {
		return e.orGone(container.ID, fmt.Errorf("export the container %s: %w", container.Name, err))
	}
	return nil
}
