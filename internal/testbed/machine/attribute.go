package machine

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// UserXattr gives a temporary file an extended attribute of the kind that programs
// may use. A tmpfs keeps them since Linux 6.6.
func UserXattr() Check {
	check := Check{Name: "user attributes", Mend: "set TMPDIR to a folder on a disk"}
	file, err := os.CreateTemp("", "xattr")
	if err != nil {
		check.Found = err.Error()
		return check
	}
	defer func() { _ = os.Remove(file.Name()) }() // a temporary file
	defer file.Close()
	if err := unix.Fsetxattr(int(file.Fd()), "user.test", nil, 0); err != nil {
		check.Found = fmt.Sprintf("the file system of %s: %v", os.TempDir(), err)
		return check
	}
	check.OK, check.Found = true, "yes"
	return check
}
