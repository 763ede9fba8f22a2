package storage

import (
	"errors"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// AUFS is the union file system with which Docker began. It is not part of Linux.
// Its marks are those of OCI layers (image-spec, layer.md, Whiteouts), which come
// from there.
type AUFS struct{}

var _ Driver = AUFS{}

const (
	whiteoutPrefix = ".wh."
	whiteoutOpaque = ".wh..wh..opq"
	// Names that begin so are no whiteouts, but what aufs keeps for itself.
	whiteoutMeta = ".wh..wh."
)

// Name returns "aufs".
func (AUFS) Name() string { return "aufs" }

// Mount is a union whose upper branch is writable. "ro+wh" has the whiteouts count
// that are in a read-only branch already.
func (a AUFS) Mount(lower []string, upper, _ string) (specs.Mount, error) {
	lower, err := above(a, lower)
	if err != nil {
		return specs.Mount{}, err
	}
	options := []string{"br+=" + upper + "=rw"}
	for _, layer := range lower {
		options = append(options, "br+="+layer+"=ro+wh")
	}
	return specs.Mount{Destination: "/", Type: "aufs", Source: "none", Options: options}, nil
}

func (AUFS) hide(folder int, name string) error { return makeEmpty(folder, whiteoutPrefix+name) }

func (AUFS) reveal(folder int, name string) error {
	return ignoreMissing(unix.Unlinkat(folder, whiteoutPrefix+name, 0))
}

func (AUFS) seal(folder int) error {
	err := makeEmpty(folder, whiteoutOpaque)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

func makeEmpty(folder int, name string) error {
	file, err := unix.Openat(folder, name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o444)
	if err != nil {
		return err
	}
	return unix.Close(file)
}

func (AUFS) sealed(folder int) (bool, error) {
	var stat unix.Stat_t
	err := unix.Fstatat(folder, whiteoutOpaque, &stat, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil, ignoreMissing(err)
}

func (AUFS) classify(entry *entry) {
	if strings.HasPrefix(entry.name, whiteoutMeta) {
		entry.internal = true
	} else if name, ok := strings.CutPrefix(entry.name, whiteoutPrefix); ok {
		entry.name, entry.whiteout = name, true
	}
}

func (AUFS) marked(name string) string { return whiteoutPrefix + name }
