package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

const (
	withAUFS    = "nodev\tproc\n\text4\nnodev\taufs\nnodev\toverlay\n"
	withoutAUFS = "nodev\tproc\n\text4\nnodev\toverlay\n"
)

func TestDriverIsAUFSWhereTheKernelHasIt(t *testing.T) {
	for name, test := range map[string]struct {
		filesystems, wanted string
		want                Union
	}{
		"AUFS":           {withAUFS, "", aufs{}},
		"no AUFS":        {withoutAUFS, "", overlay{}},
		"forced overlay": {withAUFS, "overlay", overlay{}},
		"forced AUFS":    {withAUFS, "aufs", aufs{}},
	} {
		union, err := chooseUnion(test.wanted, test.filesystems)
		require.NoError(t, err, name)
		require.Equal(t, test.want, union, name)
	}
	for _, wanted := range []string{"aufs", "btrfs"} {
		_, err := chooseUnion(wanted, withoutAUFS)
		require.ErrorContains(t, err, wanted)
	}
}

func TestOptions(t *testing.T) {
	layers := Layers{Lower: "/lower", Upper: "/upper", Work: "/work"}

	require.Equal(t, "br=/upper=rw:/lower=ro+wh", aufs{}.options(layers))
	require.Equal(t, "lowerdir=/lower,upperdir=/upper,workdir=/work", overlay{}.options(layers))
}

// What separates layers in the options must not be in their names.
func TestRootWithASeparatorIsRefused(t *testing.T) {
	testbed.Require(t, testbed.Root)
	for _, name := range []string{"a:b", "a,b", `a\b`, "a=b"} {
		root := filepath.Join(t.TempDir(), name)

		result := testbed.Run(t, testbed.Build(t, "."), "run", "--root", root, "base", "true")

		require.Equal(t, 125, result.Code)
		requireOneLine(t, result.Stderr)
		require.Contains(t, result.Stderr, "in its name")
		require.NoDirExists(t, root)
	}
}

// planted is an upper layer as the drivers leave it: one changed file, one deleted
// file, and one folder that was deleted and made again.
func planted(t *testing.T, names ...string) string {
	t.Helper()
	upper := t.TempDir()
	for _, name := range names {
		require.NoError(t, os.MkdirAll(filepath.Join(upper, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(upper, name), nil, 0o644))
	}
	return upper
}

func TestWhiteoutsOfAUFS(t *testing.T) {
	upper := planted(t, "etc/changed", "etc/.wh.deleted", "folder/.wh..wh..opq", ".wh..wh.aufs", ".wh..wh.plnk/x", ".wh..wh.orph/x")

	deleted, err := aufs{}.Deleted(upper)

	require.NoError(t, err)
	require.Equal(t, []string{"/etc/deleted"}, deleted)
}

func TestWhiteoutsOfOverlay(t *testing.T) {
	testbed.Require(t, testbed.Root)
	upper := planted(t, "etc/changed", "etc/.wh.not-ours")
	require.NoError(t, unix.Mknod(filepath.Join(upper, "etc/deleted"), unix.S_IFCHR, 0))
	require.NoError(t, unix.Mknod(filepath.Join(upper, "etc/null"), unix.S_IFCHR, int(unix.Mkdev(1, 3))))
	require.NoError(t, unix.Mknod(filepath.Join(upper, "etc/block"), unix.S_IFBLK, 0))

	deleted, err := overlay{}.Deleted(upper)

	require.NoError(t, err)
	require.Equal(t, []string{"/etc/deleted"}, deleted)
}

// unionMounts mounts a union of a lower layer with some files, with each driver
// that the kernel has.
func unionMounts(t *testing.T, test func(t *testing.T, union Union, layers Layers, target string)) {
	t.Helper()
	for name, driver := range map[string]struct {
		union       Union
		requirement testbed.Requirement
	}{"aufs": {aufs{}, testbed.AUFS}, "overlay": {overlay{}, testbed.Overlay}} {
		t.Run(name, func(t *testing.T) {
			testbed.Require(t, testbed.Root, driver.requirement)
			root := testbed.StateRoot(t)
			layers := Layers{Lower: filepath.Join(root, "lower"), Upper: filepath.Join(root, "upper"), Work: filepath.Join(root, "work")}
			target := filepath.Join(root, "merged")
			for _, folder := range []string{layers.Lower + "/folder", layers.Upper, layers.Work, target} {
				require.NoError(t, os.MkdirAll(folder, 0o755))
			}
			for _, path := range []string{"changed", "deleted", "folder/file"} {
				require.NoError(t, os.WriteFile(filepath.Join(layers.Lower, path), []byte("image"), 0o644))
			}
			require.NoError(t, driver.union.Mount(layers, target))
			defer func() { require.NoError(t, unix.Unmount(target, 0)) }()

			test(t, driver.union, layers, target)
		})
	}
}

func TestUnionShowsBothLayers(t *testing.T) {
	unionMounts(t, func(t *testing.T, _ Union, layers Layers, target string) {
		require.NoError(t, os.WriteFile(filepath.Join(target, "new"), []byte("container"), 0o644))

		require.Equal(t, "image", content(t, target, "folder/file"))
		require.Equal(t, "container", content(t, target, "new"))
		require.Equal(t, "container", content(t, layers.Upper, "new"))
		require.NoFileExists(t, filepath.Join(layers.Lower, "new"))
	})
}

func TestWritingCopiesAndDeletingWhitesOut(t *testing.T) {
	unionMounts(t, func(t *testing.T, union Union, layers Layers, target string) {
		require.NoError(t, os.WriteFile(filepath.Join(target, "changed"), []byte("container"), 0o644))
		require.NoError(t, os.Remove(filepath.Join(target, "deleted")))
		require.NoError(t, os.RemoveAll(filepath.Join(target, "folder")))
		require.NoError(t, os.Mkdir(filepath.Join(target, "folder"), 0o755))

		require.Equal(t, "container", content(t, layers.Upper, "changed"))
		for _, path := range []string{"changed", "deleted", "folder/file"} {
			require.Equal(t, "image", content(t, layers.Lower, path), "the image stays as it is")
		}
		require.NoFileExists(t, filepath.Join(target, "deleted"))
		require.NoFileExists(t, filepath.Join(target, "folder/file"))
		hidden, err := union.Deleted(layers.Upper)
		require.NoError(t, err)
		require.Equal(t, []string{"/deleted"}, hidden)
		if _, isAUFS := union.(aufs); isAUFS {
			require.FileExists(t, filepath.Join(layers.Upper, ".wh.deleted"))
			require.FileExists(t, filepath.Join(layers.Upper, "folder/.wh..wh..opq"))
			return
		}
		var stat unix.Stat_t
		require.NoError(t, unix.Lstat(filepath.Join(layers.Upper, "deleted"), &stat))
		require.Equal(t, uint32(unix.S_IFCHR), stat.Mode&unix.S_IFMT)
		require.Zero(t, stat.Rdev, "a whiteout is device 0:0")
		opaque := make([]byte, 1)
		_, err = unix.Getxattr(filepath.Join(layers.Upper, "folder"), "trusted.overlay.opaque", opaque)
		require.NoError(t, err)
		require.Equal(t, "y", string(opaque))
	})
}
