package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"mytinydocker/final/storage"
	"mytinydocker/final/users"
	"mytinydocker/final/volume"
)

// Whose users a container has.
const (
	UsersOfHost = "host" // those of the machine: root is root, with less power
	OwnUsers    = "auto" // some that nobody else has
)

// The users that containers get for themselves: the last 2048 ranges of 65536 below
// 2^31. Below them are those of people, of useradd(8) for /etc/subuid, of systemd-nspawn
// and of directory services; above, some programs take a number for a negative one.
const (
	firstUsers    = 0x78000000
	usersEach     = 1 << 16
	rangesOfUsers = 1<<31/usersEach - firstUsers/usersEach
)

// ownUsers understands the option, and returns users that have yet to be chosen, or nil.
func ownUsers(mode string) (*users.Range, error) {
	switch mode {
	case OwnUsers:
		return &users.Range{Count: usersEach}, nil
	case UsersOfHost, "":
		return nil, nil
	default:
		return nil, fmt.Errorf("unknown users %q for --userns: auto or host", mode)
	}
}

// checkUsers refuses what contradicts users of a container's own.
func (r *Record) checkUsers() error {
	switch {
	case r.Users == nil:
		return nil
	case r.Security.Privileged:
		return errors.New("--privileged and --userns=auto contradict each other: give one of them")
	case r.Network.Host || r.Network.Shared != "":
		return errors.New("with --userns=auto, the network must be the container's own: root inside has no rights in that of others")
	case r.Driver == (storage.AUFS{}).Name():
		return errors.New("the storage driver aufs cannot map users: leave out --userns=auto, or use overlay")
	}
	return nil
}

// validUsers reports whether users of a record are none, or some that we give away:
// others might be the host's.
func validUsers(own *users.Range) bool {
	return own == nil || own.Count == usersEach && own.First >= firstUsers && own.First%usersEach == 0 && (own.First-firstUsers)/usersEach < rangesOfUsers
}

// users are those that the container has for itself, if it has any.
func (r *Record) users() users.Range {
	if r.Users == nil {
		return users.Range{}
	}
	return *r.Users
}

// recordNew writes the record of a new container. Its users are what no other record
// has, so they are chosen and written in one: until then, the folder of all containers is
// locked. They are given back with the record.
func (e *Engine) recordNew(record *Record) error {
	if record.Users == nil {
		return e.writeRecord(record)
	}
	unlock, err := lockFolder(filepath.Join(e.root, "containers"))
	if err != nil {
		return fmt.Errorf("choose the users of the container %s: %w", record.ShortID(), err)
	}
	defer unlock()
	taken, err := e.usersTaken()
	if err == nil {
		*record.Users, err = freeUsers(record.ID, taken)
	}
	if err != nil {
		return fmt.Errorf("choose the users of the container %s: %w", record.ShortID(), err)
	}
	return e.writeRecord(record)
}

// usersTaken returns the first of the users of each container that has some.
func (e *Engine) usersTaken() (map[uint32]bool, error) {
	ids, err := e.ids()
	if err != nil {
		return nil, err
	}
	taken := make(map[uint32]bool)
	for _, id := range ids {
		record, err := e.readRecord(id)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it is just being made, and has none yet, or removed
		}
		if err != nil {
			return nil, fmt.Errorf("%w, so nobody knows its users: remove it first (rm -f)", err)
		}
		if record.Users != nil {
			taken[record.Users.First] = true
		}
	}
	return taken, nil
}

// freeUsers returns users that are not taken. Where the search begins is a matter of the
// id: what a container has left in a folder of the host is not soon another's.
func freeUsers(id string, taken map[uint32]bool) (users.Range, error) {
	begin, err := strconv.ParseUint(id[:8], 16, 32)
	if err != nil {
		return users.Range{}, err
	}
	for index := range uint64(rangesOfUsers) {
		first := firstUsers + uint32((begin+index)%rangesOfUsers)*usersEach
		if !taken[first] {
			return users.Range{First: first, Count: usersEach}, nil
		}
	}
	return users.Range{}, fmt.Errorf("all %d ranges are taken: remove a container with --userns=auto", rangesOfUsers)
}

// mappings are the users of a container as the runtime gets them.
func (r *Record) mappings() []specs.LinuxIDMapping {
	if r.Users == nil {
		return nil
	}
	return []specs.LinuxIDMapping{{ContainerID: 0, HostID: r.Users.First, Size: r.Users.Count}}
}

// mapUsers gives a specification the container's own users, if it has any, and what is
// ours: its layers, its volumes and its files in /etc. What it gets of the host stays the
// host's.
func mapUsers(spec *specs.Spec, record *Record) {
	if record.Users == nil {
		return
	}
	spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	spec.Linux.UIDMappings, spec.Linux.GIDMappings = record.mappings(), record.mappings()
	for index := range spec.Mounts {
		mount := &spec.Mounts[index]
		ofHost := func(own volume.Mount) bool { return own.Kind == volume.Bind && own.Target == mount.Destination }
		if index == 0 || mount.Type == "bind" && !slices.ContainsFunc(record.Mounts, ofHost) {
			mount.UIDMappings, mount.GIDMappings = record.mappings(), record.mappings()
		}
	}
}

// checkUsers finds containers whose users are another's, too.
func (e *Engine) checkUsers(ids []string) (faults []Fault, err error) {
	holders := make(map[uint32]string)
	for _, id := range ids {
		record, err := e.readRecord(id)
		if err != nil || record.Users == nil {
			continue // one that is damaged has been found by checkRecords
		}
		if holder := holders[record.Users.First]; holder != "" {
			faults = append(faults, Fault{What: fmt.Sprintf("the containers %.12s and %.12s have the same users: make one of them anew", holder, id)})
		}
		holders[record.Users.First] = id
	}
	return faults, nil
}
