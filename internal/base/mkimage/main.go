// Command mkimage builds the built-in image: the box, a root file system around
// it, and the configuration of an image. The result is the same, byte for byte,
// wherever and whenever it is built.
//
//	mkimage [-dist FOLDER] [-o FILE]
//
// It runs at the root of the module and writes base.tar.gz and config.json to
// FOLDER, internal/base/dist by default, from which they are embedded; with -o
// also the root file system as a plain tar archive.
package main

import (
	"bytes"
	"compress/gzip"
	_ "crypto/sha256" // for go-digest
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go/v1"
)

func main() {
	dist := flag.String("dist", "internal/base/dist", "folder to embed the image from")
	plain := flag.String("o", "", "write the root file system as a plain tar archive, too")
	flag.Parse()
	if err := build(*dist, *plain); err != nil {
		fmt.Fprintln(os.Stderr, "mkimage:", err)
		os.Exit(1)
	}
}

func build(dist, plain string) (err error) {
	folder, err := os.MkdirTemp("", "mkimage-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	box := filepath.Join(folder, "box")
	if err := buildBox(box); err != nil {
		return err
	}
	archive, err := rootfs(box)
	if err != nil {
		return err
	}
	config, err := configuration(archive)
	if err != nil {
		return err
	}
	if plain != "" {
		if err := replace(plain, archive); err != nil {
			return err
		}
	}
	// The configuration is what makes an image of the archive, so it comes last.
	if err := replace(filepath.Join(dist, "base.tar.gz"), compress(archive)); err != nil {
		return err
	}
	return replace(filepath.Join(dist, "config.json"), config)
}

// buildBox builds a static box without a trace of where and when.
func buildBox(path string) error {
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", path, "./internal/base/box")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the box: %w\n%s", err, output)
	}
	return nil
}

// applets asks the box what it can do.
func applets(box string) ([]string, error) {
	list, err := exec.Command(box, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("list the applets of the box: %w", err)
	}
	return strings.Fields(string(list)), nil
}

func compress(archive []byte) []byte {
	var buffer bytes.Buffer
	writer := gzip.NewWriter(&buffer)
	// Writing to memory does not fail.
	_, _ = writer.Write(archive)
	_ = writer.Close()
	return buffer.Bytes()
}

// configuration describes the image in the terms of the OCI image specification.
func configuration(archive []byte) ([]byte, error) {
	created := time.Unix(0, 0).UTC()
	return json.MarshalIndent(v1.Image{
		Created:  &created,
		Platform: v1.Platform{Architecture: runtime.GOARCH, OS: "linux"},
		Config: v1.ImageConfig{
			Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
			Cmd: []string{"sh"},
		},
		RootFS:  v1.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(archive)}},
		History: []v1.History{{Created: &created, CreatedBy: "mkimage"}},
	}, "", "\t")
}

// replace writes a file as a whole, unless it is the same already: what is built
// from it need not be built again then.
func replace(path string, content []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(path, content, 0o644)
}
