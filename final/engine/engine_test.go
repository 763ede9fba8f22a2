package engine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/final/cgroup"
	"mytinydocker/final/storage"
	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func newEngine(t *testing.T) *Engine {
	t.Helper()
	state := testbed.StateRoot(t)
	engine, err := New(filepath.Join(state, "lib"), filepath.Join(state, "run"))
	require.NoError(t, err)
	return engine
}

// kept makes a container that has ended and is to be kept.
func kept(t *testing.T, e *Engine, name string) *Record {
	t.Helper()
	now := time.Now().UTC()
	record := &Record{ID: newID(), Name: name, Created: now, Started: now, Exit: &Exit{Status: 3}}
	require.NoError(t, os.Mkdir(e.folder(record.ID), 0o700))
	require.NoError(t, e.claimName(record))
	require.NoError(t, e.writeRecord(record))
	return record
}

func TestLockIsHeldByOne(t *testing.T) {
	engine := newEngine(t)
	held, err := engine.lockContainer("one")
	require.NoError(t, err)

	_, err = engine.lockContainer("one")
	require.ErrorIs(t, err, errLocked)
	locked, err := engine.isLocked("one")
	require.NoError(t, err)
	require.True(t, locked)
	other, err := engine.lockContainer("another")
	require.NoError(t, err)
	other.release()

	held.release()
	locked, err = engine.isLocked("one")
	require.NoError(t, err)
	require.False(t, locked)
	again, err := engine.lockContainer("one")
	require.NoError(t, err)
	again.release()
}

// Somebody who tidies up may hold the lock of a container that is just being made.
func TestNewContainerGetsItsLockInTheEnd(t *testing.T) {
	engine := newEngine(t)
	tidier, err := engine.lockContainer("new")
	require.NoError(t, err)
	got := make(chan error)
	go func() {
		held, err := engine.lockNew("new")
		if err == nil {
			held.release()
		}
		got <- err
	}()

	require.NoError(t, engine.removeRunFolder("new"))
	tidier.release()

	require.NoError(t, <-got)
}

// Whoever waits for the lock of a container that is just being removed must not
// be in the way.
func TestRunFolderIsRemovedWhileOthersWantIt(t *testing.T) {
	engine := newEngine(t)
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if held, err := engine.lockContainer("wanted"); err == nil {
				held.release()
			}
		}
	}()
	for range 500 {
		held, err := engine.lockContainer("wanted")
		if err == nil {
			require.NoError(t, engine.removeRunFolder("wanted"))
			held.release()
		}
	}
	close(stop)
	<-stopped
}

// Who waits for a lock whose holder removes the file must not end up with the
// lock of a file that is gone.
func TestLockOfARemovedFileIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := lockFile(path, unix.F_OFD_SETLK)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	second, err := lockFile(path, unix.F_OFD_SETLK)
	require.NoError(t, err, "it is a new file")
	held.release()
	second.release()
}

func TestDamagedRecordHarmsOnlyItsOwn(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "cut": `{"id":"`, "null": "null", "list": "[]", "binary": "\x00\xff", "other id": `{"id":"somebody else"}`,
		"wrong types": `{"id":1,"command":"x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			engine := newEngine(t)
			good, bad := kept(t, engine, "good"), kept(t, engine, "bad")
			require.NoError(t, os.WriteFile(engine.recordPath(bad.ID), []byte(content), 0o600))

			again, err := New(engine.root, engine.run)
			require.NoError(t, err)
			list, err := again.List()
			require.NoError(t, err)

			status := make(map[string]Status)
			for _, container := range list {
				status[container.ID] = container.Status
			}
			require.Equal(t, map[string]Status{good.ID: Exited, bad.ID: Damaged}, status)
			require.NoError(t, again.Remove("bad", false))
			require.NoDirExists(t, engine.folder(bad.ID))
		})
	}
}

func TestTidyKeepsWhatIsToBeKept(t *testing.T) {
	engine := newEngine(t)
	record := kept(t, engine, "kept")
	unfinished, temporary := newID(), kept(t, engine, "temporary")
	require.NoError(t, os.MkdirAll(engine.folder(unfinished)+"/upper", 0o700))
	temporary.AutoRemove = true
	require.NoError(t, engine.writeRecord(temporary))
	// The machine is started again: all that is known is on disk.
	require.NoError(t, os.RemoveAll(engine.run))

	_, err := New(engine.root, engine.run)

	require.NoError(t, err)
	ids, err := engine.ids()
	require.NoError(t, err)
	require.Equal(t, []string{record.ID}, ids)
	left, err := os.ReadDir(filepath.Join(engine.run, "containers"))
	require.NoError(t, err)
	require.Empty(t, left)
	_, err = engine.nameHolder("temporary")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Who is killed while it makes a cgroup has perhaps made no more than the folder that all
// of them are in.
func TestTidyRemovesTheFolderOfNoCgroup(t *testing.T) {
	testbed.Require(t, testbed.CgroupPids)
	engine := newEngine(t)
	id := newID()
	require.NoError(t, os.MkdirAll(engine.runFolder(id), 0o700))
	_, err := cgroup.Create(cgroupName(id), nil, nil)
	require.NoError(t, err)
	require.NoError(t, filepath.WalkDir("/sys/fs/cgroup", func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Base(path) != id {
			return nil //nolint:nilerr // somebody else's has just gone
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		return filepath.SkipDir
	}))

	_, err = New(engine.root, engine.run)

	require.NoError(t, err)
	_, err = cgroup.Open(cgroupName(""))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A program can ask the kernel not to be killed with whoever watches it
// (PR_SET_PDEATHSIG(2const)), but not the next command.
func TestContainerWithoutWatcherIsEnded(t *testing.T) {
	engine := newEngine(t)
	orphan := testbed.Command{Path: "sleep", Args: []string{"60"}}.Start(t)
	record := kept(t, engine, "orphaned")
	record.Exit = nil
	require.NoError(t, engine.writeRecord(record))
	require.NoError(t, os.MkdirAll(engine.runFolder(record.ID), 0o700))
	state, err := newState(orphan.Pid())
	require.NoError(t, err)
	require.NoError(t, writeJSON(engine.statePath(record.ID), state, false))

	_, err = New(engine.root, engine.run)

	require.NoError(t, err)
	require.Equal(t, 128+9, orphan.Wait().Code)
	record, err = engine.readRecord(record.ID)
	require.NoError(t, err)
	require.NotNil(t, record.Exit)
	require.Equal(t, 128+9, record.Exit.Status)
	require.NoDirExists(t, engine.runFolder(record.ID))
}

// Between the end of a program and what its watcher writes down of that, the container has
// ended, and is not one that has never run.
func TestContainerThatHasJustEndedHasEnded(t *testing.T) {
	engine := newEngine(t)
	program := testbed.Command{Path: "sh", Args: []string{"-c", "kill -STOP $$; exec sleep 60", "init"}}.Start(t)
	record := kept(t, engine, "ended")
	record.Exit, record.Started = nil, time.Now().UTC()
	require.NoError(t, engine.writeRecord(record))
	held, err := engine.lockContainer(record.ID)
	require.NoError(t, err)
	defer held.release()
	state, err := newState(program.Pid())
	require.NoError(t, err)
	requireStatus := func(want Status) {
		t.Helper()
		container, err := engine.Get("ended")
		require.NoError(t, err)
		require.Equal(t, want, container.Status)
	}

	requireStatus(Created)
	require.NoError(t, writeJSON(engine.statePath(record.ID), state, false))
	testbed.Eventually(t, "it to have the name of our init", func() bool { return strings.HasSuffix(commandLine(program.Pid()), "\x00init\x00") })
	requireStatus(Created)
	testbed.Eventually(t, "it to be another program, before its watcher has written that down", func() bool {
		require.NoError(t, unix.Kill(program.Pid(), unix.SIGCONT))
		return commandLine(program.Pid()) == "sleep\x0060\x00"
	})
	requireStatus(Running)
	state.Runs = true
	require.NoError(t, writeJSON(engine.statePath(record.ID), state, false))
	requireStatus(Running)
	require.NoError(t, unix.Kill(program.Pid(), unix.SIGKILL))
	program.Wait()
	requireStatus(Exited)
	record.RestartCount, record.Started = 1, time.Now().UTC()
	require.NoError(t, engine.writeRecord(record))
	requireStatus(Restarting)
}

// The kernel kills what is left of a container when its first process has ended, and that
// ends when they have (pid_namespaces(7)). For that time it has not ended.
func TestContainerThatEndsRunsUntilTheLastOfItHasEnded(t *testing.T) {
	testbed.Require(t, testbed.CgroupPids)
	engine := newEngine(t)
	first := testbed.Command{Path: "sleep", Args: []string{"1000"}}.Start(t)
	record := kept(t, engine, "ends")
	state, err := newState(first.Pid())
	require.NoError(t, err)
	state.Runs = true
	record.Exit, record.Started = nil, state.Started
	require.NoError(t, engine.writeRecord(record))
	require.NoError(t, os.MkdirAll(engine.runFolder(record.ID), 0o700))
	require.NoError(t, writeJSON(engine.statePath(record.ID), state, false))
	group, err := cgroup.Create(cgroupName(record.ID), nil, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, group.Remove()) })
	last := testbed.Command{Path: "sleep", Args: []string{"1000"}}.Start(t)
	require.NoError(t, group.Add(last.Pid()))
	requireStatus := func(want Status) {
		t.Helper()
		list, err := engine.List()
		require.NoError(t, err)
		require.Equal(t, want, list[0].Status)
	}

	require.NoError(t, unix.Kill(first.Pid(), unix.SIGKILL))
	first.Wait()

	requireStatus(Running)
	require.NoError(t, group.Kill())
	last.Wait()
	requireStatus(Exited)
}

// A tool that is killed while it clones init leaves a child behind that has its
// lock until it executes init.
func TestLockOfADeadWatcherIsWaitedFor(t *testing.T) {
	engine := newEngine(t)
	id := newID()
	held, err := engine.lockContainer(id)
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(engine.folder(id), 0o700))
	dead := testbed.Command{Path: "true"}.Start(t)
	dead.Wait()
	_, err = held.file.WriteAt(fmt.Appendf(nil, "%d\n", dead.Pid()), 0)
	require.NoError(t, err)
	child := exec.Command("sleep", "0.3")
	child.ExtraFiles = []*os.File{held.file}
	require.NoError(t, child.Start())
	held.release()

	_, err = New(engine.root, engine.run)

	require.NoError(t, err)
	require.NoDirExists(t, engine.folder(id))
	require.NoError(t, child.Wait())
}

func TestTidyLooksOnlyAtWhatRan(t *testing.T) {
	engine := newEngine(t)
	unseen := newID()
	require.NoError(t, os.Mkdir(engine.folder(unseen), 0o700))
	left, damaged := newID(), kept(t, engine, "damaged")
	require.NoError(t, os.Mkdir(engine.folder(left), 0o700))
	require.NoError(t, os.WriteFile(engine.recordPath(damaged.ID), nil, 0o600))
	for _, id := range []string{left, damaged.ID, newID()} {
		require.NoError(t, os.MkdirAll(engine.runFolder(id), 0o700))
	}

	_, err := New(engine.root, engine.run)

	require.NoError(t, err)
	require.NoDirExists(t, engine.folder(left))
	require.DirExists(t, engine.folder(damaged.ID), "for its owner to look at")
	require.DirExists(t, engine.folder(unseen))
	running, err := os.ReadDir(filepath.Join(engine.run, "containers"))
	require.NoError(t, err)
	require.Empty(t, running)
}

func TestTidyLeavesWhatSomebodyWatches(t *testing.T) {
	engine := newEngine(t)
	id := newID()
	held, err := engine.lockContainer(id)
	require.NoError(t, err)
	defer held.release()
	require.NoError(t, os.Mkdir(engine.folder(id), 0o700))

	_, err = New(engine.root, engine.run)

	require.NoError(t, err)
	require.DirExists(t, engine.folder(id))
}

// A process id in a file proves nothing: it may be another process's by now.
func TestOnlyTheProcessThatWasRecordedIsKilled(t *testing.T) {
	bystander := testbed.Command{Path: "sleep", Args: []string{"60"}}.Start(t)
	found, err := identify(bystander.Pid())
	require.NoError(t, err)

	for name, recorded := range map[string]process{
		"zero":            {Pid: 0},
		"all":             {Pid: -1},
		"init":            {Pid: 1, StartTime: found.StartTime, BootID: found.BootID},
		"other start":     {Pid: found.Pid, StartTime: found.StartTime - 1, BootID: found.BootID},
		"other boot":      {Pid: found.Pid, StartTime: found.StartTime, BootID: "another"},
		"no such process": {Pid: 1 << 30, StartTime: found.StartTime, BootID: found.BootID},
	} {
		require.ErrorIs(t, recorded.kill(), errNoProcess, name)
	}
	_, err = identify(bystander.Pid())
	require.NoError(t, err, "the bystander lives")

	require.NoError(t, found.kill())
	require.ErrorIs(t, found.kill(), errNoProcess)
}

func TestFolderThatIsOpenToOthersIsRefused(t *testing.T) {
	state := testbed.StateRoot(t)
	open := filepath.Join(state, "open")
	require.NoError(t, os.Mkdir(open, 0o755))

	_, err := New(open, filepath.Join(state, "run"))

	require.ErrorContains(t, err, "chmod 700")
}

func TestNames(t *testing.T) {
	for _, name := range []string{"ab", "A-b_c.9", "0a"} {
		require.NoError(t, checkName(name), name)
	}
	for _, name := range []string{"", "a", ".a", "-a", "_a", "a/b", "../x", "a b", "a\n", "ä", "a\x00b", strings.Repeat("x", 129)} {
		require.Error(t, checkName(name), "%q", name)
	}
	require.NoError(t, checkName(randomName()))
}

func TestFindByNameIDOrPrefix(t *testing.T) {
	engine := newEngine(t)
	record := kept(t, engine, "named")

	for _, name := range []string{"named", record.ID, record.ShortID(), record.ID[:3]} {
		id, err := engine.Find(name)
		require.NoError(t, err, name)
		require.Equal(t, record.ID, id)
	}
	for _, name := range []string{"", "nosuch", "../names/named", "g"} {
		_, err := engine.Find(name)
		require.Error(t, err, "%q", name)
	}
}

func TestEnvironmentOfTheUserComesLast(t *testing.T) {
	t.Setenv("FROM_CALLER", "caller")
	record := &Record{Hostname: "tiny"}

	variables, err := environment([]string{"A=image", "B=image", "PATH=/image"}, []string{"A=user", "FROM_CALLER", "NOT_SET_ANYWHERE"}, record)

	require.NoError(t, err)
	require.Equal(t, []string{"PATH=/image", "HOSTNAME=tiny", "A=user", "B=image", "FROM_CALLER=caller"}, variables)
}

// passwd and group come from an image, and are read on the host.
func TestFilesOfAnImageAreReadWithCare(t *testing.T) {
	testbed.Require(t, testbed.Root)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("evil:x:0:0::/:\n"), 0o600))
	for name, test := range map[string]struct {
		make func(path string) error
		want string // "" for an error
	}{
		"file": {func(path string) error { return os.WriteFile(path, []byte("ours"), 0o644) }, "ours"},
		"link inside": {func(path string) error {
			return errors.Join(os.WriteFile(path+"-", []byte("ours"), 0o644), os.Symlink("passwd-", path))
		}, "ours"},
		"absolute link": {func(path string) error {
			return errors.Join(os.WriteFile(path+"-", []byte("ours"), 0o644), os.Symlink("/etc/passwd-", path))
		}, "ours"},
		"link to the host": {func(path string) error { return os.Symlink(secret, path) }, "none"},
		"pipe":             {func(path string) error { return unix.Mkfifo(path, 0o644) }, ""},
		"device":           {func(path string) error { return os.Symlink("/dev/zero", path) }, "none"},
		"folder":           {func(path string) error { return os.Mkdir(path, 0o755) }, ""},
		"endless":          {func(path string) error { return errors.Join(os.WriteFile(path, nil, 0o644), os.Truncate(path, 1<<30)) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			lower, upper := t.TempDir(), t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(upper, "etc"), 0o755))
			require.NoError(t, os.Mkdir(filepath.Join(lower, "etc"), 0o755))
			require.NoError(t, test.make(filepath.Join(upper, "etc", "passwd")))
			require.NoError(t, os.WriteFile(filepath.Join(lower, "etc", "group"), []byte("none"), 0o644))

			content, err := readInView(storage.View{Driver: storage.Overlay{}, Layers: []string{upper, lower}}, "etc/passwd")

			switch test.want {
			case "":
				require.Error(t, err)
			case "none":
				require.NoError(t, err)
				require.Empty(t, content)
			default:
				require.NoError(t, err)
				require.Equal(t, test.want, string(content))
			}
		})
	}
}

// An empty id would be the folder of all containers.
func TestDamagedNameHarmsNobody(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "climbing": "../containers", "dot": ".", "short": "abc", "long": newID() + newID(), "line": newID() + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			engine := newEngine(t)
			good := kept(t, engine, "good")
			require.NoError(t, os.WriteFile(engine.namePath(name), []byte(content), 0o600))

			require.Error(t, engine.Remove(name, true))

			require.FileExists(t, engine.recordPath(good.ID))
			record := &Record{ID: newID(), Name: name}
			require.NoError(t, os.Mkdir(engine.folder(record.ID), 0o700))
			require.ErrorContains(t, engine.claimName(record), engine.namePath(name))
		})
	}
}

// What ends with the boot is removed without a question.
func TestRootsMustBeTwo(t *testing.T) {
	state := testbed.StateRoot(t)
	alias := filepath.Join(t.TempDir(), "alias")
	require.NoError(t, os.Symlink(state, alias))

	for _, run := range []string{state, state + "/.", alias} {
		_, err := New(state, run)
		require.ErrorContains(t, err, "two folders")
	}
}

// A removal that has begun is finished by the next command, however it ended.
func TestBegunRemovalIsFinished(t *testing.T) {
	testbed.Require(t, testbed.Root)
	engine := newEngine(t)
	record := kept(t, engine, "half")
	busy := filepath.Join(engine.folder(record.ID), "merged")
	require.NoError(t, os.Mkdir(busy, 0o700))
	require.NoError(t, unix.Mount("busy", busy, "tmpfs", 0, ""))
	err := engine.Remove("half", false)
	require.NoError(t, unix.Unmount(busy, 0))
	require.ErrorIs(t, err, unix.EXDEV)

	again, err := New(engine.root, engine.run)

	require.NoError(t, err)
	list, err := again.List()
	require.NoError(t, err)
	require.Empty(t, list)
	require.NoDirExists(t, engine.folder(record.ID))
}

// What has ended and was not waited for does not live, and what is not there does not.
func TestProcessThatEndsDoesNotLive(t *testing.T) {
	ours, err := identify(os.Getpid())
	require.NoError(t, err)
	requireLives(t, true, ours)
	command := exec.Command("sleep", "1000")
	require.NoError(t, command.Start())
	other, err := identify(command.Process.Pid)
	require.NoError(t, err)
	requireLives(t, true, other)
	require.NoError(t, command.Process.Kill())
	testbed.Eventually(t, "it to end", func() bool { lives, err := other.lives(); return err == nil && !lives })
	require.Error(t, command.Wait())
	requireLives(t, false, other)
}

// commandLine is that of a process, or "" if it has none: it is between two programs then.
func commandLine(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return string(line)
}

// firstThreadEnds is set for a process whose first thread is to end before the others.
const firstThreadEnds = "FIRST_THREAD_ENDS"

func init() {
	if os.Getenv(firstThreadEnds) == "" {
		return
	}
	go func() {
		for {
			_ = unix.Pause() // until a signal
		}
	}()
	_, _, _ = unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0) // of this thread: initialization runs on the first
}

// Its number is that of a zombie then, which has no root (proc_pid_task(5)).
func TestProcessLivesAsLongAsAThreadDoes(t *testing.T) {
	command, process := withoutFirstThread(t)
	requireLives(t, true, process)

	require.NoError(t, command.Process.Kill())

	require.Error(t, command.Wait())
	requireLives(t, false, process)
}

// withoutFirstThread starts a process whose first thread has ended.
func withoutFirstThread(t *testing.T) (*exec.Cmd, process) {
	t.Helper()
	command := exec.Command("/proc/self/exe")
	command.Env = []string{firstThreadEnds + "=1"}
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Kill() })
	process, err := identify(command.Process.Pid)
	require.NoError(t, err)
	testbed.Eventually(t, "its first thread to end", func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.Pid))
		return err == nil && strings.Contains(string(status), "\nState:\tZ")
	})
	return command, process
}

func requireLives(t *testing.T, want bool, p process) {
	t.Helper()
	lives, err := p.lives()
	require.NoError(t, err)
	require.Equal(t, want, lives)
}
