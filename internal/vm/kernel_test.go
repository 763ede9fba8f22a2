package vm

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// image makes a file that begins as an x86 kernel does, and says its release.
func image(t *testing.T, path, release string) string {
	t.Helper()
	head := make([]byte, 4096)
	copy(head[0x202:], "HdrS")
	head[0x20e], head[0x20f] = 0x00, 0x04 // the text is at 0x400 + 0x200
	if release == "" {
		head[0x20f] = 0
	}
	copy(head[0x600:], release+" (builder@host) #1 SMP\x00")
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, head, 0o600))
	return path
}

func TestKernelSaysItsRelease(t *testing.T) {
	path := image(t, filepath.Join(t.TempDir(), "bzImage"), "6.1.0-aufs")

	kernel, err := FindKernel(path, "")

	require.NoError(t, err)
	require.Equal(t, Kernel{Image: path, Release: "6.1.0-aufs"}, kernel)
}

func TestKernelThatDoesNotSayItsReleaseIsOneAllTheSame(t *testing.T) {
	path := image(t, filepath.Join(t.TempDir(), "bzImage"), "")

	kernel, err := FindKernel(path, "")

	require.NoError(t, err)
	require.Equal(t, Kernel{Image: path}, kernel)
}

func TestModulesAreWhereDistributionsPutThem(t *testing.T) {
	root := t.TempDir()
	path := image(t, filepath.Join(root, "boot/vmlinuz-6.1"), "6.1")
	modules := filepath.Join(root, "lib/modules/6.1")
	require.NoError(t, os.MkdirAll(modules, 0o755))

	found, err := FindKernel(path, "")
	require.NoError(t, err)
	require.Equal(t, modules, found.Modules)

	named, err := FindKernel(path, root)
	require.NoError(t, err)
	require.Equal(t, root, named.Modules)
}

func TestWhatIsNoKernelIsRefused(t *testing.T) {
	root := t.TempDir()
	good := image(t, filepath.Join(root, "bzImage"), "6.1")
	text := filepath.Join(root, "text")
	require.NoError(t, os.WriteFile(text, []byte("not a kernel"), 0o600))
	for name, test := range map[string]struct{ image, modules, want string }{
		"text":              {text, "", "not a kernel image"},
		"a folder":          {root, "", "directory"},
		"nothing":           {filepath.Join(root, "none"), "", "no such file"},
		"no modules":        {good, filepath.Join(root, "none"), "no such file"},
		"a file of modules": {good, text, "not a folder"},
	} {
		_, err := FindKernel(test.image, test.modules)

		require.ErrorContains(t, err, test.want, name)
	}
}

// What apt-cache says on Debian, and on Ubuntu, where the modules are apart.
func TestPackagesOfAKernel(t *testing.T) {
	require.Equal(t, []string{"linux-image-6.1.0-56-amd64"}, namesIn(`linux-image-amd64
  Depends: linux-image-6.1.0-56-amd64
linux-image-6.1.0-56-amd64
  Depends: kmod
 |Depends: linux-initramfs-tool
kmod
  Depends: libc6
`))
	require.Equal(t, []string{"linux-image-6.8.0-51-generic", "linux-modules-6.8.0-51-generic"}, namesIn(`linux-image-virtual
  Depends: linux-image-6.8.0-51-generic
linux-image-6.8.0-51-generic
  Depends: linux-modules-6.8.0-51-generic
linux-modules-6.8.0-51-generic
`))
	require.Empty(t, namesIn("linux-image-amd64\n"), "a name that stands for nothing here")
}
