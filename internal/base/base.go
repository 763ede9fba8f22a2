// Package base holds the built-in image: a root file system around one static
// multi-call binary, built from this repository, so that the first container
// needs neither a network nor a registry.
//
// The image is made by the program in mkimage and embedded from the folder
// dist. A build without it compiles; Rootfs and Config then return ErrNotBuilt.
package base

import (
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Name is the name the built-in image goes by.
const Name = "base"

// ErrNotBuilt is returned where the image was not embedded in this binary.
var ErrNotBuilt = errors.New("the built-in image is not part of this build: run `go tool mage build`")

//go:embed dist
var dist embed.FS

// Config returns the OCI image configuration of the built-in image as JSON.
// Its rootfs.diff_ids holds one entry: the SHA-256 digest of what Rootfs reads.
func Config() ([]byte, error) {
	config, err := dist.ReadFile("dist/config.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotBuilt
	}
	return config, err
}

// Rootfs opens the root file system of the built-in image as an uncompressed
// tar stream. The caller closes it.
func Rootfs() (io.ReadCloser, error) {
	file, err := dist.Open("dist/base.tar.gz")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotBuilt
	}
	if err != nil {
		return nil, err
	}
	stream, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("read the built-in image: %w", err)
	}
	return stream, nil
}
