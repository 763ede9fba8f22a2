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
		require.NoDirExists(t, root)
	}
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
		_, err := unix.Getxattr(filepath.Join(layers.Upper, "folder"), "trusted.overlay.opaque", opaque)
		require.NoError(t, err)
		require.Equal(t, "y", string(opaque))
	})
}
