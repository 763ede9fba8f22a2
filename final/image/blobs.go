package image

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"mytinydocker/final/storage"
)

// maxDocument is how large a manifest or a configuration may be, in bytes: what
// registries accept (distribution-spec, Pushing Manifests).
const maxDocument = 4 << 20

// WrongContentError is returned for content that is not what was asked for.
type WrongContentError struct {
	Digest digest.Digest
	Why    string
}

func (e WrongContentError) Error() string {
	return fmt.Sprintf("%s: it %s: what was sent is not what the image says", e.Digest, e.Why)
}

func (s *Store) blob(id digest.Digest) string {
	return s.path(v1.ImageBlobsDir, id.Algorithm().String(), id.Encoded())
}

// has reports whether a blob is there. It was verified when it got its name.
func (s *Store) has(blob v1.Descriptor) (bool, error) {
	if err := blob.Digest.Validate(); err != nil {
		return false, fmt.Errorf("%q: %w", blob.Digest, err)
	}
	info, err := os.Lstat(s.blob(blob.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if info.Size() != blob.Size {
		return false, WrongContentError{blob.Digest, fmt.Sprintf("has %d bytes and not %d", info.Size(), blob.Size)}
	}
	return true, nil
}

// hasWhole is has for who can get the blob again: one that was cut off is not there.
func (s *Store) hasWhole(blob v1.Descriptor) (bool, error) {
	has, err := s.has(blob)
	if wrong := (WrongContentError{}); errors.As(err, &wrong) {
		return false, nil
	}
	return has, err
}

// open opens a blob to read it.
func (s *Store) open(id digest.Digest) (*os.File, error) {
	if err := id.Validate(); err != nil {
		return nil, fmt.Errorf("%q: %w", id, err)
	}
	return os.Open(s.blob(id))
}

// read returns a small blob, verified again: it costs nothing.
func (s *Store) read(id digest.Digest) ([]byte, error) {
	file, err := s.open(id)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxDocument+1))
	if err != nil {
		return nil, err
	}
	if digest.FromBytes(content) != id {
		return nil, WrongContentError{id, "has changed on disk or is too large"}
	}
	return content, nil
}

// ensure gets a blob that is not there. Who else wants the same one waits.
func (s *Store) ensure(ctx context.Context, blob v1.Descriptor, get func() error) error {
	if has, err := s.hasWhole(blob); has || err != nil {
		return err
	}
	unlock, err := s.lock("blob-"+blob.Digest.Encoded(), unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock()
	if has, err := s.hasWhole(blob); has || err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return get()
}

// add writes a blob and gives it its name if it is what it is said to be.
func (s *Store) add(blob v1.Descriptor, content io.Reader) error {
	incoming, err := s.create()
	if err != nil {
		return err
	}
	defer incoming.discard()
	// One byte more than there should be shows that there is more.
	if _, err := incoming.copy(io.LimitReader(content, blob.Size+1)); err != nil {
		return err
	}
	switch {
	case incoming.size > blob.Size:
		return WrongContentError{blob.Digest, fmt.Sprintf("has more than %d bytes", blob.Size)}
	case incoming.size < blob.Size:
		return fmt.Errorf("%s: %w after %d of %d bytes", blob.Digest, io.ErrUnexpectedEOF, incoming.size, blob.Size)
	case incoming.digest() != blob.Digest:
		return WrongContentError{blob.Digest, "has the digest " + incoming.digest().String()}
	}
	return incoming.keep(blob.Digest)
}

// incoming is a blob that has no name yet.
type incoming struct {
	store *Store
	file  *os.File
	hash  hash.Hash
	size  int64
	limit int64 // in bytes: a tenth of the disk stays free for others
}

func (s *Store) create() (*incoming, error) {
	folder, err := s.folder("partial")
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(folder, "")
	if err != nil {
		return nil, err
	}
	var stat unix.Statfs_t
	if err := unix.Fstatfs(int(file.Fd()), &stat); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	limit := int64(stat.Bavail) / 10 * 9 * stat.Bsize
	return &incoming{store: s, file: file, hash: digest.Canonical.Hash(), limit: limit}, nil
}

// Write adds content to the blob.
func (i *incoming) Write(content []byte) (int, error) {
	if i.size+int64(len(content)) > i.limit {
		return 0, storage.TooLargeError{Limit: i.limit, What: "bytes"}
	}
	count, err := i.file.Write(content)
	i.hash.Write(content[:count])
	i.size += int64(count)
	return count, err
}

func (i *incoming) copy(content io.Reader) (int64, error) {
	return io.CopyBuffer(i, struct{ io.Reader }{content}, make([]byte, 1<<18))
}

func (i *incoming) digest() digest.Digest { return digest.NewDigest(digest.Canonical, i.hash) }

// keep gives the blob its name. It is on disk then.
func (i *incoming) keep(id digest.Digest) error {
	if err := i.file.Sync(); err != nil {
		return err
	}
	path := i.store.blob(id)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.Rename(i.file.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// discard closes the file, and removes it if it has not been kept.
func (i *incoming) discard() {
	i.file.Close()
	_ = os.Remove(i.file.Name()) // what stays is removed by the next sweep
}

// put keeps content that we have made.
func (s *Store) put(mediaType string, content []byte) (v1.Descriptor, error) {
	blob := v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
	if has, err := s.has(blob); has || err != nil {
		return blob, err
	}
	incoming, err := s.create()
	if err != nil {
		return blob, err
	}
	defer incoming.discard()
	if _, err := incoming.Write(content); err != nil {
		return blob, err
	}
	return blob, incoming.keep(blob.Digest)
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
