package engine

import (
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/final/image"
	"mytinydocker/final/users"
)

// withUsers makes a container that has users of its own. Its id is one with which the
// search for them begins at the same place as for all others.
func withUsers(t *testing.T, e *Engine) *Record {
	t.Helper()
	record := &Record{ID: "00000000" + newID()[8:], Users: new(users.Range)}
	record.Name = "with-" + record.ShortID()
	require.NoError(t, os.Mkdir(e.folder(record.ID), 0o700))
	require.NoError(t, e.recordNew(record))
	return record
}

func TestUsersBelongToOneContainer(t *testing.T) {
	engine := newEngine(t)
	kept(t, engine, "without")
	var (
		mutex sync.Mutex
		seen  = make(map[uint32]bool)
		all   sync.WaitGroup
	)
	for range 20 {
		all.Go(func() {
			record := withUsers(t, engine)
			mutex.Lock()
			defer mutex.Unlock()
			require.Equal(t, uint32(1<<16), record.Users.Count)
			require.GreaterOrEqual(t, record.Users.First, uint32(0x78000000))
			require.LessOrEqual(t, record.Users.First, uint32(0x7fff0000))
			require.False(t, seen[record.Users.First], "%d has been given away twice", record.Users.First)
			seen[record.Users.First] = true
			read, err := engine.readRecord(record.ID)
			require.NoError(t, err)
			require.Equal(t, record.Users, read.Users)
		})
	}
	all.Wait()
}

func TestUsersAreFreeWhenTheirContainerIsRemoved(t *testing.T) {
	engine := newEngine(t)
	taken := make(map[uint32]bool)
	for index := range uint32(rangesOfUsers) {
		taken[firstUsers+index*usersEach] = true
	}
	first := withUsers(t, engine)
	delete(taken, first.Users.First)
	free, err := freeUsers(first.ID, taken)
	require.NoError(t, err)
	require.Equal(t, first.Users.First, free.First)

	taken[first.Users.First] = true
	_, err = freeUsers(first.ID, taken)
	require.ErrorContains(t, err, "2048")
}

// What is not what was given away might be the users of the host, or another's.
func TestDamagedUsersAreNobodys(t *testing.T) {
	engine := newEngine(t)
	for name, damaged := range map[string]users.Range{
		"host's root":  {First: 0, Count: 1 << 16},
		"host's users": {First: 1000, Count: 1 << 16},
		"too many":     {First: firstUsers, Count: 1 << 20},
		"none":         {First: firstUsers, Count: 0},
		"in between":   {First: firstUsers + 1000, Count: 1 << 16},
		"beyond":       {First: 1 << 31, Count: 1 << 16},
	} {
		record := withUsers(t, engine)
		*record.Users = damaged
		require.NoError(t, engine.writeRecord(record))

		_, err := engine.readRecord(record.ID)
		require.ErrorContains(t, err, "users", name)
		require.Error(t, engine.Start(record.ID), name)
		next := &Record{ID: newID(), Users: new(users.Range)}
		require.NoError(t, os.Mkdir(engine.folder(next.ID), 0o700))
		require.ErrorContains(t, engine.recordNew(next), record.ShortID(), "nobody knows whose it has")
		require.NoError(t, os.Remove(engine.folder(next.ID)))
		require.NoError(t, engine.Remove(record.ID, true), name)
	}
	withUsers(t, engine)
}

func TestCheckFindsUsersOfTwo(t *testing.T) {
	engine := newEngine(t)
	one, two := withUsers(t, engine), withUsers(t, engine)
	faults, err := engine.checkUsers([]string{one.ID, two.ID})
	require.NoError(t, err)
	require.Empty(t, faults)
	two.Users = one.Users
	require.NoError(t, engine.writeRecord(two))

	faults, err = engine.checkUsers([]string{one.ID, two.ID})

	require.NoError(t, err)
	require.Len(t, faults, 1)
	require.Contains(t, faults[0].What, two.ShortID())
	require.False(t, faults[0].CanRepair())
}

func TestUsersAndWhatTheyExclude(t *testing.T) {
	found := &image.Image{}
	for name, test := range map[string]struct {
		change func(*Options)
		reason string
	}{
		"privileged":     {func(o *Options) { o.Security.Privileged = true }, "--privileged"},
		"host's network": {func(o *Options) { o.Network.Host = true }, "network"},
		"other network":  {func(o *Options) { o.Network.Shared = "other" }, "network"},
		"unknown":        {func(o *Options) { o.Userns = "keep-id" }, "auto or host"},
	} {
		options := Options{Command: []string{"true"}, Name: "name", Hostname: "host", Userns: "auto"}
		test.change(&options)
		_, err := newRecord(options, found)
		require.ErrorContains(t, err, test.reason, name)
	}
	for userns, own := range map[string]bool{"": false, "host": false, "auto": true} {
		record, err := newRecord(Options{Command: []string{"true"}, Name: "name", Hostname: "host", Userns: userns}, found)
		require.NoError(t, err)
		require.Equal(t, own, record.Users != nil, userns)
	}
}
