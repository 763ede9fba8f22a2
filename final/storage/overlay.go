package storage

import (
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Overlay is the union file system of Linux (Documentation/filesystems/overlayfs.rst).
type Overlay struct{}

var _ Driver = Overlay{}

const (
	overlayAttribute = "trusted.overlay."
	opaqueAttribute  = overlayAttribute + "opaque"
)

// Name returns "overlay".
func (Overlay) Name() string { return "overlay" }

// Mount is an overlay. With the features that it turns off, the upper layer
// would say of some files only where in the lower ones they are.
func (o Overlay) Mount(lower []string, upper, work string) (specs.Mount, error) {
	lower, err := above(o, lower)
	if err != nil {
		return specs.Mount{}, err
	}
	options := make([]string, 0, len(lower)+5)
	for _, layer := range lower {
		options = append(options, "lowerdir+="+layer)
	}
	options = append(options, "upperdir="+upper, "workdir="+work, "redirect_dir=off", "metacopy=off", "index=off")
	return specs.Mount{Destination: "/", Type: "overlay", Source: "overlay", Options: options}, nil
}

func (Overlay) hide(folder int, name string) error {
	return unix.Mknodat(folder, name, unix.S_IFCHR, int(unix.Mkdev(0, 0)))
}

func (Overlay) reveal(folder int, name string) error {
	var stat unix.Stat_t
	err := unix.Fstatat(folder, name, &stat, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil || !isWhiteout(&stat) {
		return ignoreMissing(err)
	}
	return unix.Unlinkat(folder, name, 0)
}

func isWhiteout(stat *unix.Stat_t) bool {
	return stat.Mode&unix.S_IFMT == unix.S_IFCHR && stat.Rdev == unix.Mkdev(0, 0)
}

func (Overlay) seal(folder int) error {
	return unix.Fsetxattr(folder, opaqueAttribute, []byte("y"), 0)
}

func (Overlay) sealed(folder int) (bool, error) {
	value := make([]byte, 4)
	count, err := unix.Fgetxattr(folder, opaqueAttribute, value)
	switch {
	case errors.Is(err, unix.ENODATA), errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ERANGE):
		return false, nil
	case err != nil:
		return false, err
	}
	return string(value[:count]) == "y", nil
}

func (Overlay) classify(entry *entry) { entry.whiteout = isWhiteout(&entry.stat) }

func (Overlay) marked(name string) string { return name }

// refuseReferences refuses a file of an upper layer whose content or place is
// elsewhere: without that, it would be taken for empty.
func refuseReferences(attributes []string) error {
	for _, attribute := range attributes {
		switch strings.TrimPrefix(attribute, overlayAttribute) {
		case "redirect", "metacopy":
			return fmt.Errorf("it has the attribute %s: it was written with other options of overlay than ours", attribute)
		}
	}
	return nil
}
