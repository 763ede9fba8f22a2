package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/users"
	"mytinydocker/final/volume"
)

// Record is what is kept of a container: what was asked, what that made of the
// image, and what became of it. It is written whole or not at all.
type Record struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Image   string    `json:"image"`
	ImageID string    `json:"imageID"`
	Layers  []string  `json:"layers"` // digests, from the lowest up
	Driver  string    `json:"driver"` // of its write layer

	Entrypoint []string          `json:"entrypoint,omitempty"`
	Cmd        []string          `json:"cmd,omitempty"`
	Env        []string          `json:"env"`
	WorkingDir string            `json:"workingDir"`
	User       string            `json:"user"`
	Groups     []string          `json:"groups,omitempty"`
	Hostname   string            `json:"hostname"`
	Labels     map[string]string `json:"labels,omitempty"`
	Terminal   bool              `json:"terminal"`
	Stdin      bool              `json:"stdin"`
	StdinOnce  bool              `json:"stdinOnce"` // its end is that of the first who is attached
	AutoRemove bool              `json:"autoRemove"`

	StopSignal  string   `json:"stopSignal"`
	StopTimeout int      `json:"stopTimeout"` // in seconds, -1 for ever
	Restart     Restart  `json:"restart"`
	Limits      Limits   `json:"limits"`
	Security    Security `json:"security"`
	Log         Log      `json:"log"`

	Users *users.Range `json:"users,omitempty"` // of its own, or nil for the host's

	ReadOnly bool                `json:"readOnly,omitempty"`
	Tmpfs    map[string]string   `json:"tmpfs,omitempty"`
	Mounts   []volume.Mount      `json:"mounts,omitempty"`
	ShmSize  int64               `json:"shmSize"`
	Ulimits  []specs.POSIXRlimit `json:"ulimits,omitempty"`
	Sysctls  map[string]string   `json:"sysctls,omitempty"`
	Devices  []Device            `json:"devices,omitempty"`
	Init     bool                `json:"init,omitempty"`

	Network Networking `json:"network"`

	Started       time.Time `json:"started"` // zero for one that was never started
	RestartCount  int       `json:"restartCount,omitempty"`
	Stopped       bool      `json:"stopped,omitempty"` // by somebody, and not to be started again
	Removing      bool      `json:"removing,omitempty"`
	RemoveVolumes bool      `json:"removeVolumes,omitempty"` // its volumes without a name go with it
	Exit          *Exit     `json:"exit,omitempty"`          // nil while it runs, and before
}

// Exit is how a container ended.
type Exit struct {
	Status    int       `json:"status"`
	Error     string    `json:"error,omitempty"` // why it did not start
	OOMKilled bool      `json:"oomKilled,omitempty"`
	Finished  time.Time `json:"finished"`
}

// Command is what the container runs.
func (r *Record) Command() []string { return slices.Concat(r.Entrypoint, r.Cmd) }

// ShortID is the id as tables show it.
func (r *Record) ShortID() string { return r.ID[:12] }

// durable reports whether the container is to survive the machine. Nobody waits
// for the disk for one that does not survive its program.
func (r *Record) durable() bool { return !r.Removing && (!r.AutoRemove || r.Started.IsZero()) }

func (e *Engine) folder(id string) string    { return filepath.Join(e.root, "containers", id) }
func (e *Engine) runFolder(id string) string { return filepath.Join(e.run, "containers", id) }
func (e *Engine) namePath(name string) string {
	return filepath.Join(e.root, "names", name)
}

func (e *Engine) logPath(id string) string { return filepath.Join(e.folder(id), "log.json") }

func (e *Engine) recordPath(id string) string { return filepath.Join(e.folder(id), "config.json") }

func (e *Engine) writeRecord(record *Record) error {
	if err := writeJSON(e.recordPath(record.ID), record, record.durable()); err != nil {
		return e.orGone(record.ID, fmt.Errorf("record the container %s: %w", record.ShortID(), err))
	}
	return nil
}

// updateRecord changes the record of a container that others may be changing, too:
// the one who watches it, and those who rename it or change its limits. Its folder
// is locked meanwhile (flock(2)).
func (e *Engine) updateRecord(id string, change func(*Record) error) (*Record, error) {
	unlock, err := lockFolder(e.folder(id))
	if err != nil {
		return nil, e.orGone(id, fmt.Errorf("lock the record of the container %.12s: %w", id, err))
	}
	defer unlock()
	record, err := e.readRecord(id)
	if err != nil {
		return nil, err
	}
	if err := change(record); err != nil {
		return nil, err
	}
	return record, e.writeRecord(record)
}

// lockFolder waits for the lock of a folder. The kernel releases it when its holder
// dies.
func lockFolder(path string) (unlock func(), err error) {
	folder, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(folder.Fd()), unix.LOCK_EX)
		if err == nil {
			return func() { folder.Close() }, nil
		}
		if !errors.Is(err, unix.EINTR) {
			folder.Close()
			return nil, err
		}
	}
}

func (e *Engine) readRecord(id string) (*Record, error) {
	var record Record
	if err := readJSON(e.recordPath(id), &record); err != nil {
		return nil, e.orGone(id, fmt.Errorf("read the record of the container %.12s: %w", id, err))
	}
	if record.ID != id {
		return nil, fmt.Errorf("read the record of the container %.12s: it belongs to %q", id, record.ID)
	}
	if !validUsers(record.Users) {
		return nil, fmt.Errorf("read the record of the container %.12s: its users are none that a container gets", id)
	}
	if err := record.whole(); err != nil {
		return nil, fmt.Errorf("read the record of the container %.12s: %w", id, err)
	}
	return &record, nil
}

// goneError is what comes of a container that somebody has removed since it was found: a
// file of it that does not exist, and that is not what it is about.
type goneError struct {
	id string
	error
}

func (g goneError) Error() string {
	return fmt.Sprintf("no such container: %.12s: it has just been removed", g.id)
}
func (g goneError) Unwrap() error { return g.error }

// orGone makes an error a goneError if that is why.
func (e *Engine) orGone(id string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// While it is being removed, its record goes first.
	locked, lockErr := e.isLocked(id)
	if _, missing := os.Lstat(e.folder(id)); errors.Is(missing, fs.ErrNotExist) || lockErr == nil && locked {
		return goneError{id, err}
	}
	return err
}

// whole refuses a record with which somebody would get anywhere but to the container's
// own files. One of another version of this program may lack whatever it likes.
func (r *Record) whole() error {
	if !validName(r.Name) {
		return fmt.Errorf("it has the name %q", r.Name)
	}
	for _, layer := range r.Layers {
		if err := digest.Digest(layer).Validate(); err != nil {
			return fmt.Errorf("it has the layer %q: %w", layer, err)
		}
	}
	return nil
}

// ids returns the ids of all containers, also of those without a record. What else
// somebody has put beside them is none of ours.
func (e *Engine) ids() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(e.root, "containers"))
	if err != nil {
		return nil, fmt.Errorf("list the containers: %w", err)
	}
	var ids []string
	for _, entry := range entries {
		if entry.IsDir() && validID(entry.Name()) {
			ids = append(ids, entry.Name())
		}
	}
	return ids, nil
}

func writeJSON(path string, value any, durable bool) error {
	content, err := json.MarshalIndent(value, "", "\t")
	if err != nil {
		return err
	}
	return replaceFile(path, append(content, '\n'), durable)
}

func readJSON(path string, value any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(content, value)
}

// claimName gives a container its name. A link to an existing name fails, so of
// many who want it one gets it, whole.
func (e *Engine) claimName(record *Record) error {
	name, claim := record.Name, filepath.Join(e.folder(record.ID), "name")
	if err := replaceFile(claim, []byte(record.ID), record.durable()); err != nil {
		return fmt.Errorf("claim the name %q: %w", name, err)
	}
	err := e.linkName(claim, record.ID, name)
	if err == nil && record.durable() {
		err = syncFolder(filepath.Dir(e.namePath(name)))
	}
	if err != nil {
		return fmt.Errorf("claim the name %q: %w", name, err)
	}
	return nil
}

// linkName gives a container a name that is free, or its own already: of a renaming that
// was killed.
func (e *Engine) linkName(claim, id, name string) error {
	for {
		err := os.Link(claim, e.namePath(name))
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		if holder, err := e.nameHolder(name); err == nil && holder == id {
			return nil
		}
		holder, err := e.namedContainer(name)
		if err == nil {
			return fmt.Errorf("it is in use by the container %.12s: remove that one (tinydocker rm %s) or choose another", holder, name)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		} // else it has just been given up
	}
}

// namedContainer returns the id of the container that has a name. A name whose
// container has another one, or does not exist, is left over from a renaming that
// was killed, and given up.
func (e *Engine) namedContainer(name string) (string, error) {
	id, err := e.nameHolder(name)
	if err != nil {
		return "", err
	}
	if record, err := e.readRecord(id); err == nil && record.Name == name {
		return id, nil
	}
	unlock, err := lockFolder(e.folder(id)) // as long as it is just being renamed
	if errors.Is(err, fs.ErrNotExist) {
		return "", errors.Join(err, e.releaseName(name, id))
	}
	if err != nil {
		return "", err
	}
	defer unlock()
	record, err := e.readRecord(id)
	if err != nil || record.Name == name {
		return id, nil //nolint:nilerr // just being made, or damaged: the name is taken
	}
	return "", errors.Join(fs.ErrNotExist, e.releaseName(name, id))
}

// nameHolder returns the id of the container that has a name. Ids are names of
// folders: nothing else may come past here.
func (e *Engine) nameHolder(name string) (string, error) {
	content, err := os.ReadFile(e.namePath(name))
	if err != nil {
		return "", err
	}
	if !validID(string(content)) {
		return "", fmt.Errorf("the name is damaged, and nobody's: remove the file %s", e.namePath(name))
	}
	return string(content), nil
}

// releaseNames gives up the name of a container. One that has no record, or
// another's, may still have any.
func (e *Engine) releaseNames(id string) error {
	if record, err := e.readRecord(id); err == nil && validName(record.Name) {
		return e.releaseName(record.Name, id)
	}
	names, err := os.ReadDir(filepath.Join(e.root, "names"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := e.releaseName(name.Name(), id); err != nil {
			return err
		}
	}
	return nil
}

// releaseName removes a name, if it is that container's.
func (e *Engine) releaseName(name, id string) error {
	if holder, err := e.nameHolder(name); err != nil || holder != id {
		return nil //nolint:nilerr // a name that is gone belongs to nobody
	}
	return os.Remove(e.namePath(name))
}
