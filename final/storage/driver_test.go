package storage

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChooseByLooking(t *testing.T) {
	const both, aufs, none = "nodev\toverlay\nnodev\taufs\n", "nodev\taufs\n", "\text4\n"
	for _, test := range []struct{ name, filesystems, want string }{
		{"", both, "overlay"}, {"", aufs, "aufs"}, {"", none, "overlay"}, {"aufs", both, "aufs"}, {"overlay", aufs, "overlay"},
		{"overlay2", both, "overlay"},
	} {
		driver, err := choose(test.name, test.filesystems)
		require.NoError(t, err)
		require.Equal(t, test.want, driver.Name())
	}
	_, err := choose("aufs", none)
	require.ErrorContains(t, err, "no aufs")
	_, err = choose("btrfs", both)
	require.ErrorContains(t, err, "overlay or aufs")
}

func TestMountNamesTheLayers(t *testing.T) {
	each(t, func(t *testing.T, driver Driver) {
		top, bottom := t.TempDir(), t.TempDir()
		want := map[string][]string{
			"overlay": {"lowerdir+=" + top, "lowerdir+=" + bottom, "upperdir=/u", "workdir=/w", "redirect_dir=off", "metacopy=off", "index=off"},
			"aufs":    {"br+=/u=rw", "br+=" + top + "=ro+wh", "br+=" + bottom + "=ro+wh"},
		}

		mount, err := driver.Mount([]string{top, bottom}, "/u", "/w")

		require.NoError(t, err)
		require.Equal(t, want[driver.Name()], mount.Options)
		require.Equal(t, driver.Name(), mount.Type)
	})
}

// The kernel does not look whether the root of a layer hides what is below.
func TestMountHasNothingBelowASealedRoot(t *testing.T) {
	each(t, func(t *testing.T, driver Driver) {
		sealed := layer(t, driver, file(".wh..wh..opq", ""))

		mount, err := driver.Mount([]string{sealed, t.TempDir()}, "/u", "/w")

		require.NoError(t, err)
		for _, option := range mount.Options {
			require.NotContains(t, option, "/002")
		}
		require.Contains(t, mount.Options[len(mount.Options)-1]+mount.Options[0], sealed)
	})
}
