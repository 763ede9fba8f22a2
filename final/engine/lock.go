package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// errLocked means that somebody watches the container: it runs, or is just being
// made or removed.
var errLocked = errors.New("the container is in use")

// errNoFile means that there is something in the place of a lock that nobody can hold.
var errNoFile = errors.New("it is no file")

// lock is held by whoever watches a container. It is an open file description
// lock (fcntl_locking(2)): the kernel releases it when its holder dies, however
// that happens, and others can ask for it without taking it.
type lock struct {
	file *os.File
}

// lockContainer takes the lock of a container or returns errLocked at once.
func (e *Engine) lockContainer(id string) (*lock, error) {
	return e.acquire(id, unix.F_OFD_SETLK)
}

// lockNew takes the lock of a container that is about to be made. Nobody knows of
// it yet but whoever tidies up, and may take it for a leftover; that is over in
// a moment.
func (e *Engine) lockNew(id string) (*lock, error) {
	return e.acquire(id, unix.F_OFD_SETLKW)
}

func (e *Engine) acquire(id string, how int) (*lock, error) {
	folder := e.runFolder(id)
	for {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("lock the container %.12s: %w", id, err)
		}
		held, err := lockFile(filepath.Join(folder, "lock"), how)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EINTR) {
			continue // the folder was removed in between
		}
		if errors.Is(err, errNoFile) {
			if err := os.RemoveAll(filepath.Join(folder, "lock")); err != nil {
				return nil, fmt.Errorf("lock the container %.12s: %w", id, err)
			}
			continue
		}
		if err != nil && !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("lock the container %.12s: %w", id, err)
		}
		return held, err
	}
}

// lockFile locks the file at path. It returns fs.ErrNotExist if the file that it
// has locked is no longer the one at path: its last holder has removed it.
func lockFile(path string, how int) (*lock, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, errNoFile
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	whole := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(file.Fd(), how, &whole); err != nil {
		file.Close()
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
			return nil, errLocked
		}
		return nil, err
	}
	opened, err := file.Stat()
	if err == nil {
		var current os.FileInfo
		if current, err = os.Stat(path); err == nil && !os.SameFile(opened, current) {
			err = fs.ErrNotExist
		}
	}
	if err == nil {
		err = signLock(file)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return &lock{file: file}, nil
}

// signLock writes into a lock who holds it. Without room for that, it is held all the
// same: it is only to say that a holder has died a moment ago.
func signLock(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
	if isFull(err) {
		return nil
	}
	return err
}

// holderDied reports whether a lock is held although its holder has died. A child
// that it was about to start has the open file too, until it executes init.
func (e *Engine) holderDied(id string) bool {
	_, holder, err := e.lookAtLock(id)
	return err == nil && holder > 0 && errors.Is(unix.Kill(holder, 0), unix.ESRCH)
}

// isWatched reports whether somebody who lives holds the lock of a container.
func (e *Engine) isWatched(id string) bool {
	_, holder, err := e.lookAtLock(id)
	return err == nil && holder > 0 && !errors.Is(unix.Kill(holder, 0), unix.ESRCH)
}

// lockAbandoned takes the lock of a container that nobody watches, or returns
// errLocked. For the child of a dead holder it waits, up to a second.
func (e *Engine) lockAbandoned(id string) (*lock, error) {
	deadline := time.Now().Add(time.Second)
	for {
		held, err := e.lockContainer(id)
		if !errors.Is(err, errLocked) || !e.holderDied(id) || time.Now().After(deadline) {
			return held, err
		}
		<-time.After(time.Millisecond)
	}
}

// lockPatience is how long another command may be at work on a container.
const lockPatience = 5 * time.Second

// errBusy means that another command is at work on a container.
var errBusy = errors.New("another command is at work on the container: try again")

// lockEnded takes the lock of a container that does not run, or returns errLocked.
// For one whose watcher is not to be reached any more, or not yet, or at which another
// command is at work, it waits, and then returns errBusy: it does not say of a container
// that it runs because somebody looks after it.
func (e *Engine) lockEnded(id string) (*lock, error) {
	deadline := time.Now().Add(lockPatience)
	for {
		held, err := e.lockContainer(id)
		if !errors.Is(err, errLocked) {
			return held, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("lock the container %.12s: %w", id, errBusy)
		}
		conn, dialed := e.dial(id)
		if dialed == nil {
			conn.Close()
			return nil, err
		}
		if !errors.Is(dialed, errNoProcess) {
			return nil, dialed
		}
		<-time.After(time.Millisecond)
	}
}

// release lets others take the lock.
func (l *lock) release() { l.file.Close() }

// isLocked reports whether somebody watches the container, and disturbs nobody.
func (e *Engine) isLocked(id string) (bool, error) {
	locked, _, err := e.lookAtLock(id)
	return locked, err
}

// lookAtLock reports whether somebody holds the lock of a container, and who has signed
// it: 0, if nobody holds it or has signed it yet. All commands look at the locks of all that run, so this is
// five system calls for each; an os.File takes as many again.
func (e *Engine) lookAtLock(id string) (locked bool, holder int, err error) {
	path := filepath.Join(e.runFolder(id), "lock")
	// Without O_NONBLOCK, opening a pipe waits for somebody to write to it.
	descriptor, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, 0, nil
	}
	if err != nil {
		return false, 0, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(descriptor)
	var info unix.Stat_t
	if err := unix.Fstat(descriptor, &info); err != nil || info.Mode&unix.S_IFMT != unix.S_IFREG {
		return false, 0, err // nobody can have locked that
	}
	whole := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(uintptr(descriptor), unix.F_OFD_GETLK, &whole); err != nil {
		return false, 0, err
	}
	if whole.Type == unix.F_UNLCK {
		return false, 0, nil
	}
	var content [20]byte
	length, err := unix.Pread(descriptor, content[:], 0)
	if err != nil {
		return true, 0, nil // it is held, whoever does
	}
	holder, _ = strconv.Atoi(strings.TrimSpace(string(content[:length])))
	return true, max(holder, 0), nil
}

// removeRunFolder removes what a container had while it ran. Somebody who wants
// the lock may make it anew at any moment; the folder is then theirs.
func (e *Engine) removeRunFolder(id string) error {
	folder := e.runFolder(id)
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// The lock last: without it, what is in the folder may be somebody else's.
	for _, last := range []bool{false, true} {
		for _, entry := range entries {
			if (entry.Name() == "lock") != last {
				continue
			}
			if err := os.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
				return err
			}
		}
	}
	err = os.Remove(folder)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTEMPTY) {
		return nil
	}
	return err
}
