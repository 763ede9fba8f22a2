package image

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"
)

// maxWindow is how much memory a zstd stream may ask for, in bytes: what its
// fastest levels up to its best need.
const maxWindow = 128 << 20

// decompress reads what is compressed with gzip or zstd, and what is not, as it is:
// the first bytes tell, whatever a manifest says. Closing it closes source.
func decompress(source io.ReadCloser) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(source, 1<<18)
	start, err := buffered.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case isGzip(start):
		// A reader ahead in a goroutine of its own, which Close ends.
		unzipped, err := pgzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("decompress it: %w", err)
		}
		return &closing{unzipped, []func() error{unzipped.Close, source.Close}}, nil
	case isZstd(start):
		unzipped, err := zstd.NewReader(buffered, zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("decompress it: %w", err)
		}
		end := func() error { unzipped.Close(); return nil }
		return &closing{unzipped, []func() error{end, source.Close}}, nil
	case bytes.HasPrefix(start, []byte("BZh")), bytes.HasPrefix(start, []byte{0xfd, '7', 'z', 'X', 'Z'}):
		return nil, errors.New("it is compressed with bzip2 or xz: gzip and zstd are supported")
	}
	return &closing{buffered, []func() error{source.Close}}, nil
}

// closing is a reader with more than one thing to close, in order.
type closing struct {
	io.Reader
	closers []func() error
}

func (c *closing) Close() error {
	var all error
	for _, closer := range c.closers {
		all = errors.Join(all, closer())
	}
	return all
}

// layer is a layer that we have made.
type layer struct {
	blob   v1.Descriptor
	diffID digest.Digest
}

// putLayer keeps the tar archive that write writes, compressed. The same archive
// makes the same blob, however many processors there are.
func (s *Store) putLayer(write func(io.Writer) error) (layer, error) {
	incoming, err := s.create()
	if err != nil {
		return layer{}, err
	}
	defer incoming.discard()
	zipper := pgzip.NewWriter(incoming)
	uncompressed := digest.Canonical.Digester()
	buffered := bufio.NewWriterSize(io.MultiWriter(zipper, uncompressed.Hash()), 1<<18)
	err = write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	// It is closed in any case: its goroutines end by that.
	if err := errors.Join(err, zipper.Close()); err != nil {
		return layer{}, err
	}
	made := layer{
		blob:   v1.Descriptor{MediaType: v1.MediaTypeImageLayerGzip, Digest: incoming.digest(), Size: incoming.size},
		diffID: uncompressed.Digest(),
	}
	if has, err := s.has(made.blob); has || err != nil {
		return made, err
	}
	return made, incoming.keep(made.blob.Digest)
}

// mediaTypeOf returns the media type of a layer of which nobody has said it.
func (s *Store) mediaTypeOf(blob v1.Descriptor) (string, error) {
	file, err := s.open(blob.Digest)
	if err != nil {
		return "", err
	}
	defer file.Close()
	start := make([]byte, 4)
	if _, err := io.ReadFull(file, start); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", err
	}
	switch {
	case isGzip(start):
		return v1.MediaTypeImageLayerGzip, nil
	case isZstd(start):
		return v1.MediaTypeImageLayerZstd, nil
	}
	return v1.MediaTypeImageLayer, nil
}

func isGzip(start []byte) bool { return bytes.HasPrefix(start, []byte{0x1f, 0x8b}) }
func isZstd(start []byte) bool { return bytes.HasPrefix(start, []byte{0x28, 0xb5, 0x2f, 0xfd}) }
