package volume

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

func newStore(t *testing.T) *Store {
	t.Helper()
	testbed.Require(t, testbed.Root)
	return New(filepath.Join(t.TempDir(), "volumes"))
}

func write(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

func TestVolumesAreMadeOnce(t *testing.T) {
	store := newStore(t)
	first, err := store.Create("data", map[string]string{"a": "b"})
	require.NoError(t, err)
	write(t, filepath.Join(store.Path("data"), "kept"), "x")

	again, err := store.Create("data", nil)

	require.NoError(t, err)
	require.Equal(t, first, again)
	require.FileExists(t, filepath.Join(store.Path("data"), "kept"))
	require.Equal(t, map[string]string{"a": "b"}, again.Labels)
	anonymous, err := store.Create("", nil)
	require.NoError(t, err)
	require.True(t, anonymous.Anonymous)
	require.Len(t, anonymous.Name, 64)
	volumes, err := store.List()
	require.NoError(t, err)
	require.Len(t, volumes, 2)
	info, err := os.Stat(filepath.Join(store.root, "data"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "others have no way in")
}

func TestManyMakeOneVolume(t *testing.T) {
	store := newStore(t)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			if _, err := store.Create("data", nil); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()

	entries, err := os.ReadDir(store.root)
	require.NoError(t, err)
	require.Len(t, entries, 2, "the volume and the locks")
}

func TestNamesAreNoPaths(t *testing.T) {
	store := newStore(t)
	outside := filepath.Join(filepath.Dir(store.root), "precious")
	require.NoError(t, os.Mkdir(outside, 0o700))
	for _, name := range []string{"../precious", "/precious", ".", "..", "", "a/b", "-rf", ".locks", ".new-1", "x\n", "a\x00"} {
		require.Error(t, store.Remove(name, nil), name)
		_, err := store.Find(name)
		require.Error(t, err, name)
		if name != "" {
			_, err = store.Create(name, nil)
			require.Error(t, err, name)
		}
	}
	require.DirExists(t, outside)
}

func TestRemoveRefusesWhatIsInUse(t *testing.T) {
	store := newStore(t)
	_, err := store.Create("data", nil)
	require.NoError(t, err)

	require.ErrorContains(t, store.Remove("data", []string{"0123456789abcdef"}), "in use by the container 0123456789ab")
	require.NoError(t, store.Remove("data", nil))
	require.ErrorIs(t, store.Remove("data", nil), ErrNotFound)
	entries, err := os.ReadDir(store.root)
	require.NoError(t, err)
	require.Len(t, entries, 1, "the locks")
}

// Data that is mounted below a volume is somebody else's.
func TestRemoveLeavesWhatIsMounted(t *testing.T) {
	store := newStore(t)
	_, err := store.Create("data", nil)
	require.NoError(t, err)
	precious := t.TempDir()
	write(t, filepath.Join(precious, "kept"), "x")
	write(t, filepath.Join(store.Path("data"), "also"), "x")
	require.NoError(t, os.Symlink(precious, filepath.Join(store.Path("data"), "link")))
	point := filepath.Join(store.Path("data"), "point")
	require.NoError(t, os.Mkdir(point, 0o700))
	require.NoError(t, unix.Mount(precious, point, "", unix.MS_BIND, ""))

	require.ErrorContains(t, store.Remove("data", nil), "umount it first")
	require.FileExists(t, filepath.Join(store.Path("data"), "also"))
	require.NoError(t, unix.Unmount(point, 0))
	require.NoError(t, store.Remove("data", nil))

	require.FileExists(t, filepath.Join(precious, "kept"))
}

func TestPruneTakesTheAnonymous(t *testing.T) {
	store := newStore(t)
	free, err := store.Create("", nil)
	require.NoError(t, err)
	used, err := store.Create("", nil)
	require.NoError(t, err)
	_, err = store.Create("named", nil)
	require.NoError(t, err)
	write(t, filepath.Join(store.Path(free.Name), "f"), "12345")
	users := func(name string) []string {
		if name == used.Name {
			return []string{"c"}
		}
		return nil
	}

	pruned, err := store.Prune(false, users, nil)
	require.NoError(t, err)
	require.Equal(t, Pruned{Names: []string{free.Name}, Freed: 5}, pruned)
	pruned, err = store.Prune(true, users, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"named"}, pruned.Names)
	_, err = store.Find(used.Name)
	require.NoError(t, err)
}

func TestADamagedRecordIsNotRemoved(t *testing.T) {
	store := newStore(t)
	_, err := store.Create("data", nil)
	require.NoError(t, err)
	write(t, filepath.Join(store.root, "data/volume.json"), "{")

	_, err = store.Find("data")
	require.ErrorContains(t, err, "damaged")
	volumes, err := store.List()
	require.NoError(t, err)
	require.Len(t, volumes, 1)
	pruned, err := store.Prune(true, func(string) []string { return nil }, nil)
	require.NoError(t, err)
	require.Empty(t, pruned.Names)
	require.NoError(t, store.Remove("data", nil), "whoever names it means it")
}

func TestFillOnce(t *testing.T) {
	store := newStore(t)
	_, err := store.Create("data", nil)
	require.NoError(t, err)
	var count atomic.Int64
	copyIn := func(folder string) error {
		count.Add(1)
		write(t, filepath.Join(folder, "file"), "of the image")
		return errors.Join(unix.Chmod(folder, 0o1777), os.Chown(folder, 12, 34))
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if err := store.Fill("data", copyIn); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()

	require.EqualValues(t, 1, count.Load())
	require.FileExists(t, filepath.Join(store.Path("data"), "file"))
	var stat unix.Stat_t
	require.NoError(t, unix.Stat(store.Path("data"), &stat))
	require.Equal(t, uint32(unix.S_IFDIR|0o1777), stat.Mode)
	require.Equal(t, [2]uint32{12, 34}, [2]uint32{stat.Uid, stat.Gid})
	require.NoError(t, os.Remove(filepath.Join(store.Path("data"), "file")))
	require.NoError(t, store.Fill("data", copyIn), "what was emptied stays empty")
	require.NoFileExists(t, filepath.Join(store.Path("data"), "file"))
}

func TestFillLeavesDataAlone(t *testing.T) {
	store := newStore(t)
	_, err := store.Create("data", nil)
	require.NoError(t, err)
	outside := t.TempDir()
	require.NoError(t, os.Symlink(filepath.Join(outside, "f"), filepath.Join(store.Path("data"), "x")))

	require.NoError(t, store.Fill("data", func(folder string) error { return errors.New("not needed") }))

	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, entries)
}

// Who fills a volume may be killed at any point, and may fail.
func TestFillIsContinued(t *testing.T) {
	store := newStore(t)
	_, err := store.Create("data", nil)
	require.NoError(t, err)
	copyIn := func(folder string) error {
		write(t, filepath.Join(folder, "a"), "image")
		write(t, filepath.Join(folder, "b"), "image")
		return nil
	}
	require.ErrorContains(t, store.Fill("data", func(folder string) error {
		write(t, filepath.Join(folder, "half"), "")
		return errors.New("no space")
	}), "no space")
	entries, err := os.ReadDir(store.Path("data"))
	require.NoError(t, err)
	require.Empty(t, entries)

	// Killed after all was copied, and a part of it moved.
	copied := filepath.Join(store.root, "data/copied")
	require.NoError(t, os.Mkdir(copied, 0o755))
	require.NoError(t, copyIn(copied))
	require.NoError(t, os.Rename(filepath.Join(copied, "a"), filepath.Join(store.Path("data"), "a")))
	write(t, filepath.Join(store.Path("data"), "b"), "container")

	require.NoError(t, store.Fill("data", copyIn))

	require.NoDirExists(t, copied)
	content, err := os.ReadFile(filepath.Join(store.Path("data"), "b"))
	require.NoError(t, err)
	require.Equal(t, "container", string(content))
}

func TestLeftoversGoAfterAnHour(t *testing.T) {
	store := newStore(t)
	_, err := store.Create("data", nil)
	require.NoError(t, err)
	young := filepath.Join(store.root, ".new-1")
	require.NoError(t, os.Mkdir(young, 0o700))

	_, err = store.Create("other", nil)

	require.NoError(t, err)
	require.DirExists(t, young, "somebody may be making it: %v", time.Now())
}

func TestPrepareAndSpec(t *testing.T) {
	store := newStore(t)
	folder := t.TempDir()
	mount := Mount{Kind: Named, Target: "/d", ReadOnly: true}
	require.NoError(t, store.Prepare(&mount))
	require.Len(t, mount.Source, 64)
	require.Equal(t, []string{"rbind", "nosuid", "nodev", "ro"}, store.Spec(mount).Options)
	require.Equal(t, store.Path(mount.Source), store.Spec(mount).Source)

	missing := filepath.Join(folder, "a/b")
	mount = Mount{Kind: Bind, Source: missing, Target: "/d"}
	require.ErrorContains(t, store.Prepare(&mount), "does not exist")
	require.NoDirExists(t, missing)
	mount.Create = true
	require.NoError(t, store.Prepare(&mount))
	require.DirExists(t, missing)
	mount.Alone = true
	require.Equal(t, []string{"bind", "nosuid", "nodev"}, store.Spec(mount).Options)

	tmpfs := Mount{Kind: Tmpfs, Target: "/t", Size: 5, Mode: 0o700, Options: []string{"exec", "uid=5"}}
	require.NoError(t, store.Prepare(&tmpfs))
	require.Equal(t, []string{"nosuid", "nodev", "mode=700", "size=5", "uid=5"}, store.Spec(tmpfs).Options)
	require.Equal(t, []string{"nosuid", "nodev", "mode=1777", "noexec"}, store.Spec(Mount{Kind: Tmpfs}).Options)
}

func TestWhatAKilledCommandHasLeftOfAVolumeGoes(t *testing.T) {
	store := New(t.TempDir())
	for _, left := range []string{".old-gone", ".new-never", ".old-busy"} {
		require.NoError(t, os.MkdirAll(store.path(left, "_data", "folder"), 0o755))
	}
	unlock, err := store.lock("busy")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(store.path(".locks", "never"), nil, 0o600))

	require.NoError(t, store.Tidy())

	require.NoFileExists(t, store.path(".locks", "never"))
	require.FileExists(t, store.path(".locks", "busy"))

	require.NoDirExists(t, store.path(".old-gone"))
	require.NoDirExists(t, store.path(".new-never"))
	require.DirExists(t, store.path(".old-busy"), "somebody is at it")
	unlock()
	require.NoError(t, store.Tidy())
	require.NoDirExists(t, store.path(".old-busy"))
}

// Who looks for a volume between its end and its next beginning finds one of them, or
// nothing.
func TestVolumeThatComesAndGoesIsNeverDamaged(t *testing.T) {
	store := New(t.TempDir())
	_, err := store.Create("data", nil)
	require.NoError(t, err)
	done := make(chan struct{})
	var coming sync.WaitGroup
	coming.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if !assert.NoError(t, os.Rename(store.path("data"), store.path(".other"))) || !assert.NoError(t, os.Rename(store.path(".other"), store.path("data"))) {
				return
			}
		}
	})

	for range 20000 {
		if _, err = store.Find("data"); errors.Is(err, ErrDamaged) {
			break
		}
	}

	close(done)
	coming.Wait()
	require.NotErrorIs(t, err, ErrDamaged)
}

// A lock that nobody waits for goes with what it was for.
func TestLockGoesWithItsVolume(t *testing.T) {
	store := New(t.TempDir())
	_, err := store.Create("data", nil)
	require.NoError(t, err)
	require.ErrorIs(t, store.Remove("nosuch", nil), ErrNotFound)
	require.NoError(t, store.Remove("data", nil))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				if _, err := store.Create("data", nil); err != nil && !errors.Is(err, ErrNotFound) {
					t.Error(err)
				}
				if err := store.Remove("data", nil); err != nil && !errors.Is(err, ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()

	locks, err := os.ReadDir(store.path(".locks"))
	require.NoError(t, err)
	require.Empty(t, locks)
}
