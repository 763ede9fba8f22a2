package testbed

import (
	"crypto/rand"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Name returns a new random name that is valid for a container, a network and
// an image.
func Name(t testing.TB) string {
	t.Helper()
	return "t-" + strings.ToLower(rand.Text()[:12])
}

// StateRoot returns a new folder with mode 0700, with a short path. At the end of
// the test it is removed; a mount that is left in it fails the test.
func StateRoot(t testing.TB) string {
	t.Helper()
	root, err := os.MkdirTemp(sharedFolder(t), "s")
	if err != nil {
		t.Fatalf("make a state root: %v", err)
	}
	t.Cleanup(func() {
		// Whatever is mounted there may belong to somebody else, and must
		// be gone before anything is removed.
		if !unmountAll(t, root) {
			return
		}
		if err := os.RemoveAll(root); err != nil {
			t.Errorf("remove the state root: %v", err)
		}
	})
	return root
}

func sharedFolder(t testing.TB) string {
	t.Helper()
	if shared == "" {
		t.Fatal("these tests need `func TestMain(m *testing.M) { testbed.Main(m) }`")
	}
	return shared
}

// unmountAll unmounts everything below root, innermost first, reports each as an
// error of the test, and returns whether nothing is mounted there any more.
func unmountAll(t testing.TB, root string) bool {
	t.Helper()
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(root))
	if err != nil {
		t.Errorf("read the mounts below %s: %v", root, err)
		return false
	}
	for _, mount := range slices.Backward(mounts) {
		t.Errorf("the test has left %s (%s) mounted on %s", mount.Source, mount.FSType, mount.Mountpoint)
		if err := unix.Unmount(mount.Mountpoint, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", mount.Mountpoint, err)
			return false
		}
	}
	return true
}
