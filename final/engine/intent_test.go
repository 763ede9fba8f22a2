package engine

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/final/volume"
)

func anonymousVolume(t *testing.T, engine *Engine) string {
	t.Helper()
	made, err := engine.volumes.Create("", nil)
	require.NoError(t, err)
	return made.Name
}

// Whoever makes a container may be killed when its volumes are there, and its record is
// not.
func TestVolumesGoOfAContainerThatWasNotMade(t *testing.T) {
	engine := newEngine(t)
	id, name, other := newID(), anonymousVolume(t, engine), anonymousVolume(t, engine)
	require.NoError(t, os.MkdirAll(engine.runFolder(id), 0o700))
	require.NoError(t, writeJSON(engine.intendedVolumesPath(id), []string{name, newID()}, false))

	_, err := New(engine.root, engine.run)

	require.NoError(t, err)
	_, err = engine.volumes.Find(name)
	require.ErrorIs(t, err, volume.ErrNotFound)
	_, err = engine.volumes.Find(other)
	require.NoError(t, err)
	require.NoDirExists(t, engine.runFolder(id))
}

func TestVolumesGoWithAContainerWhoseRemovalWasInterrupted(t *testing.T) {
	for _, asked := range []bool{true, false} {
		engine := newEngine(t)
		record := kept(t, engine, "going")
		record.Mounts = []volume.Mount{{Kind: volume.Named, Source: anonymousVolume(t, engine), Target: "/data"}}
		record.Removing, record.RemoveVolumes = true, asked
		require.NoError(t, engine.writeRecord(record))
		require.NoError(t, os.MkdirAll(engine.runFolder(record.ID), 0o700))

		_, err := New(engine.root, engine.run)

		require.NoError(t, err)
		require.NoDirExists(t, engine.folder(record.ID))
		_, err = engine.volumes.Find(record.Mounts[0].Source)
		require.Equal(t, asked, err != nil, err)
	}
}

// A command that tidies up looks after a container for a moment, and does not run it.
func TestContainerAtWhichAnotherCommandWorksIsNotSaidToRun(t *testing.T) {
	engine := newEngine(t)
	record := kept(t, engine, "busy")
	held, err := engine.lockContainer(record.ID)
	require.NoError(t, err)
	defer held.release()

	require.ErrorIs(t, engine.Start("busy"), errBusy)
	require.ErrorIs(t, engine.Remove("busy", false), errBusy)
}

// What fails because a container has ended meanwhile is not said to be anything else.
func TestWhatFailsWithAContainerThatHasEndedSaysSo(t *testing.T) {
	engine := newEngine(t)
	record := kept(t, engine, "ended")
	require.NoError(t, os.MkdirAll(engine.runFolder(record.ID), 0o700))
	container := &Container{Record: *record}
	cause := errors.New("no such file")
	require.ErrorContains(t, engine.orEnded(container, cause), "the container ended has just ended: no such file")

	alive, err := newState(os.Getpid())
	require.NoError(t, err)
	require.NoError(t, writeJSON(engine.statePath(record.ID), alive, false))
	require.Equal(t, cause, engine.orEnded(container, cause))
	require.ErrorContains(t, engine.orEnded(container, fmt.Errorf("open its root: %w", errNoProcess)), "the container ended has just ended")

	// It has neither a root nor namespaces: it ends, or only its other threads go on.
	command, first := withoutFirstThread(t)
	require.NoError(t, writeJSON(engine.statePath(record.ID), state{Program: first}, false))
	require.ErrorContains(t, engine.orEnded(container, cause), "the first thread of the container ended has just ended: no such file")
	require.NoError(t, command.Process.Kill())
	require.Error(t, command.Wait())
	require.ErrorContains(t, engine.orEnded(container, cause), "the container ended has just ended: no such file")
}

// Who copies from a container that is removed meanwhile is told so, and not that some
// file of ours is missing.
func TestWhatFailsWithAContainerThatIsGoneSaysSo(t *testing.T) {
	engine := newEngine(t)
	record := kept(t, engine, "gone")
	container, err := engine.Get("gone")
	require.NoError(t, err)
	require.NoError(t, engine.Remove("gone", false))

	_, _, err = engine.openTree(&container)
	require.ErrorContains(t, err, "no such container")
	require.NoDirExists(t, engine.runFolder(record.ID))
}

func TestEndOfAContainerIsNoFailureOfWhatItIsPausedFor(t *testing.T) {
	engine := newEngine(t)
	record := kept(t, engine, "ended")

	require.NoError(t, engine.unlessEnded(record.ID, errors.New("no such cgroup")))
	require.Error(t, engine.unlessEnded(newID(), errors.New("no such container")))
}

func TestRemovedContainerIsNoMissingFile(t *testing.T) {
	engine := newEngine(t)
	id := newID()

	_, err := engine.updateRecord(id, func(*Record) error { return nil })
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "no such container: "+id[:12])
	_, err = engine.readRecord(id)
	require.ErrorContains(t, err, "no such container: "+id[:12])
	require.NoError(t, os.Mkdir(engine.folder(id), 0o700))
	_, err = engine.readRecord(id)
	require.ErrorContains(t, err, "config.json", "it is there, and damaged")
}

// Whoever renames a container may be killed when it has both names.
func TestRenamingThatWasKilledIsDoneAgain(t *testing.T) {
	engine := newEngine(t)
	record := kept(t, engine, "old-name")
	claimed := *record
	claimed.Name = "new-name"
	require.NoError(t, engine.claimName(&claimed))

	require.NoError(t, engine.Rename("old-name", "new-name"))

	id, err := engine.Find("new-name")
	require.NoError(t, err)
	require.Equal(t, record.ID, id)
	_, err = engine.Find("old-name")
	require.Error(t, err)
}
