package volume

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"mytinydocker/final/storage"
)

// What can be wrong with a volume that somebody names. One that is damaged has data, and
// no record.
var (
	ErrNotFound = errors.New("no such volume")
	ErrDamaged  = errors.New("damaged")
)

// Store is the volumes below one folder:
//
//	NAME/volume.json  the record
//	NAME/_data        the data, which is mounted in containers
//	NAME/copied       what is still to be moved into it, see Fill
//	.new-NAME         a volume that is being made
//	.old-NAME         one that is being removed
//	.locks/NAME       held by whoever makes, fills or removes the volume
//
// A volume appears as a whole, and disappears as a whole.
type Store struct {
	root string
}

// Volume is a folder that outlives the containers it is mounted in.
type Volume struct {
	Name      string
	Labels    map[string]string
	Anonymous bool // it was made for one container, and has a random name
	Created   time.Time
}

// New returns the volumes below root, which is made when it is needed.
func New(root string) *Store { return &Store{root: root} }

func (s *Store) path(elements ...string) string {
	return filepath.Join(append([]string{s.root}, elements...)...)
}

// Path returns the folder with the data of a volume.
func (s *Store) Path(name string) string { return s.path(name, "_data") }

// RandomName is a name for a volume that nobody has given one.
func RandomName() string {
	random := make([]byte, 32)
	rand.Read(random) // never fails, see crypto/rand
	return hex.EncodeToString(random)
}

// Create returns the volume called name, and makes it if it does not exist. With
// "" it makes one with a random name.
func (s *Store) Create(name string, labels map[string]string) (*Volume, error) {
	if name == "" {
		return s.CreateAnonymous(RandomName(), labels)
	}
	return s.ensure(&Volume{Name: name, Labels: maps.Clone(labels), Created: time.Now().UTC()})
}

// CreateAnonymous makes a volume for one container, with a random name that its maker
// knows before it is there.
func (s *Store) CreateAnonymous(name string, labels map[string]string) (*Volume, error) {
	return s.ensure(&Volume{Name: name, Labels: maps.Clone(labels), Created: time.Now().UTC(), Anonymous: true})
}

func (s *Store) ensure(volume *Volume) (*Volume, error) {
	if err := checkName(volume.Name); err != nil {
		return nil, err
	}
	found, err := s.Find(volume.Name)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return found, err
	}
	if err := s.create(volume); err != nil {
		return nil, fmt.Errorf("make the volume %s: %w", volume.Name, err)
	}
	return s.Find(volume.Name)
}

// create makes a volume, unless somebody else does at the same time.
func (s *Store) create(volume *Volume) (err error) {
	unlock, err := s.lock(volume.Name)
	if err != nil {
		return err
	}
	defer unlock()
	making := s.path(".new-" + volume.Name)
	if err := storage.RemoveAll(making); err != nil { // of somebody who was killed
		return err
	}
	if err := os.Mkdir(making, 0o700); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(making))
		}
	}()
	if err := os.Mkdir(filepath.Join(making, "_data"), 0o755); err != nil {
		return err
	}
	if err := writeRecord(making, volume); err != nil {
		return err
	}
	err = os.Rename(making, s.path(volume.Name))
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		return os.RemoveAll(making) // it is there
	}
	if err != nil {
		return err
	}
	return syncFolder(s.root)
}

func writeRecord(folder string, volume *Volume) error {
	content, err := json.MarshalIndent(volume, "", "\t")
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(folder, "volume.json"), append(content, '\n'), 0o600, renameio.WithTempDir(folder))
}

// Find returns the volume called name. The error is ErrNotFound if there is none.
func (s *Store) Find(name string) (*Volume, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	content, err := s.readRecord(name)
	if errors.Is(err, ErrNotFound) {
		return nil, err
	}
	var volume Volume
	if err == nil {
		err = json.Unmarshal(content, &volume)
	}
	if err != nil || volume.Name != name {
		return nil, fmt.Errorf("the record of the volume %s is %w: tinydocker system check --repair makes another", name, ErrDamaged)
	}
	return &volume, nil
}

// readRecord reads the record in the folder of a volume, and in no other that has its
// name by then: a volume may be removed, and made again, while we look.
func (s *Store) readRecord(name string) ([]byte, error) {
	for {
		folder, err := os.OpenRoot(s.path(name))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			return nil, fmt.Errorf("%w: %s", ErrNotFound, name)
		}
		if err != nil {
			return nil, err
		}
		content, err := folder.ReadFile("volume.json")
		replaced := errors.Is(err, fs.ErrNotExist) && !s.is(name, folder)
		folder.Close()
		if !replaced {
			return content, err
		}
	}
}

// is reports whether a folder is that of the volume called name.
func (s *Store) is(name string, folder *os.Root) bool {
	opened, err := folder.Stat(".")
	if err != nil {
		return false
	}
	there, err := os.Stat(s.path(name))
	return err == nil && os.SameFile(opened, there)
}

// List returns all volumes, by name. A damaged one is there with its name alone.
func (s *Store) List() ([]*Volume, error) {
	entries, err := os.ReadDir(s.root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the volumes: %w", err)
	}
	var volumes []*Volume
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		volume, err := s.Find(entry.Name())
		if errors.Is(err, ErrNotFound) {
			continue // just removed
		}
		if err != nil {
			volume = &Volume{Name: entry.Name()}
		}
		volumes = append(volumes, volume)
	}
	slices.SortFunc(volumes, func(a, b *Volume) int { return strings.Compare(a.Name, b.Name) })
	return volumes, nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
