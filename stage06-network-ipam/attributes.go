package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// attributePrefix comes before the name of an extended attribute (xattr(7)) in the
// records of a tar archive, as GNU tar and bsdtar have it.
const attributePrefix = "SCHILY.xattr."

// A record is "keyword=value", and an attribute's name may have a "=", too. GNU tar
// writes it as a URL does.
var (
	encodeName = strings.NewReplacer("%", "%25", "=", "%3D").Replace
	decodeName = strings.NewReplacer("%25", "%", "%3D", "=").Replace
)

// longest is what the kernel has room for, of names as well as of a value.
const longest = 64 << 10

// belongs reports whether an extended attribute belongs to an image: what programs
// have written, and the capabilities of a program (capabilities(7)). The others
// belong to the machine, and to overlay itself: an image that could write
// trusted.overlay.redirect would have the kernel look elsewhere.
func belongs(attribute string) bool {
	return strings.HasPrefix(attribute, "user.") || attribute == "security.capability"
}

// attributes returns the extended attributes of a file, as records.
func attributes(file *os.File) (map[string]string, error) {
	length, err := unix.Flistxattr(int(file.Fd()), nil)
	if length == 0 || errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	list := make([]byte, longest)
	length, err = unix.Flistxattr(int(file.Fd()), list)
	if err != nil {
		return nil, fmt.Errorf("list the extended attributes: %w", err)
	}
	records := make(map[string]string)
	value := make([]byte, longest)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list[:length]), "\x00"), "\x00") {
		if !belongs(name) {
			continue
		}
		length, err := unix.Fgetxattr(int(file.Fd()), name, value)
		if err != nil {
			return nil, fmt.Errorf("read the extended attribute %s: %w", name, err)
		}
		records[attributePrefix+encodeName(name)] = string(value[:length])
	}
	return records, nil
}

// unpackAttributes sets the extended attributes that an archive has for a file.
func unpackAttributes(root *os.Root, name string, header *tar.Header) error {
	for record, value := range header.PAXRecords {
		attribute, found := strings.CutPrefix(decodeName(record), attributePrefix)
		if !found || !belongs(attribute) {
			continue
		}
		file, err := root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := unix.Fsetxattr(int(file.Fd()), attribute, []byte(value), 0); err != nil {
			return fmt.Errorf("set the extended attribute %s: %w", attribute, err)
		}
	}
	return nil
}
