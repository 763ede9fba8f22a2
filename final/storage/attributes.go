package storage

import (
	"archive/tar"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// attributePrefix is what the records of extended attributes begin with in a tar
// archive, by a convention of Jörg Schilling's star.
const attributePrefix = "SCHILY.xattr."

// belongsToFile reports whether an extended attribute is the file's own, rather
// than of the machine that made the archive. Those of overlayfs would show other
// files in a container than the layer has (Documentation/filesystems/overlayfs.rst).
func belongsToFile(attribute string) bool {
	switch attribute {
	case "security.capability", "system.posix_acl_access", "system.posix_acl_default":
		return true
	}
	return strings.HasPrefix(attribute, "user.") && !strings.HasPrefix(attribute, "user.overlay.")
}

// checkOwner refuses what is not a user or a group: -1 would leave the file ours
// (chown(2)).
func checkOwner(header *tar.Header) error {
	const last = 1<<32 - 2
	if header.Uid < 0 || header.Uid > last || header.Gid < 0 || header.Gid > last {
		return fmt.Errorf("nobody has the ids %d:%d", header.Uid, header.Gid)
	}
	return nil
}

// attributes sets owner, mode and extended attributes of an open file or folder,
// in this order: a new owner clears the set-user-ID bit and file capabilities
// (chown(2)).
func attributes(descriptor int, header *tar.Header) error {
	if err := unix.Fchown(descriptor, header.Uid, header.Gid); err != nil {
		return fmt.Errorf("change its owner: %w", err)
	}
	if err := unix.Fchmod(descriptor, uint32(header.Mode)&0o7777); err != nil {
		return fmt.Errorf("change its mode: %w", err)
	}
	for key, value := range header.PAXRecords {
		attribute, ok := strings.CutPrefix(key, attributePrefix)
		if !ok || !belongsToFile(attribute) {
			continue
		}
		if err := unix.Fsetxattr(descriptor, attribute, []byte(value), 0); err != nil {
			return fmt.Errorf("set its attribute %s: %w", attribute, err)
		}
	}
	return nil
}

// attributesAt sets owner and mode of what cannot be opened without an effect: a
// symbolic link, which has no mode, or a pipe.
func attributesAt(folder int, name string, header *tar.Header) error {
	if err := unix.Fchownat(folder, name, header.Uid, header.Gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("change its owner: %w", err)
	}
	if header.Typeflag == tar.TypeSymlink {
		return nil
	}
	if err := unix.Fchmodat(folder, name, uint32(header.Mode)&0o7777, 0); err != nil {
		return fmt.Errorf("change its mode: %w", err)
	}
	return nil
}

// setTime sets when the content of a file, a folder or a link was changed.
func setTime(folder int, name string, modified time.Time) error {
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, {Sec: modified.Unix(), Nsec: int64(modified.Nanosecond())}}
	if err := unix.UtimesNanoAt(folder, name, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set its time: %w", err)
	}
	return nil
}
