package engine

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mytinydocker/final/runtime"
	"mytinydocker/final/storage"
)

// Place is a file or folder, of a container or of this machine, to copy from or to.
type Place struct {
	Container string // "" for this machine
	Path      string // "-" for a tar archive on a standard file, if it is this machine's
}

// ParsePlace understands CONTAINER:PATH, PATH and "-". A path of this machine that has
// a colon in it is written with a slash before that, as in ./a:b.
func ParsePlace(text string) Place {
	container, inside, found := strings.Cut(text, ":")
	if !found || strings.ContainsAny(container, "/.") && strings.Contains(container, "/") || strings.HasPrefix(text, ".") {
		return Place{Path: text}
	}
	return Place{Container: container, Path: inside}
}

func (p Place) isStream() bool { return p.Container == "" && p.Path == "-" }

// CopyOptions say how files are copied.
type CopyOptions struct {
	FollowLink bool // copy what a link leads to that is named as the source
	KeepOwners bool // with the numbers that they have where they come from
}

// Copy copies a file, or a folder with all that is below it, between a container,
// running or not, and this machine, as docker-cp(1) has it. No link of a container
// leads out of its root.
func (e *Engine) Copy(from, to Place, options CopyOptions, streams Streams) error {
	if (from.Container == "") == (to.Container == "") {
		return errors.New("copy between a container and this machine: one of both as CONTAINER:PATH")
	}
	return e.withTree(from, func(source storage.Tree) error {
		return e.withTree(to, func(target storage.Tree) error {
			switch {
			case from.isStream():
				return unpackStream(streams.Stdin, target, to.Path)
			case to.isStream():
				return packStream(streams.Stdout, source, from.Path, options)
			default:
				return copyTree(source, from.Path, target, to.Path, options)
			}
		})
	})
}

func unpackStream(archive io.Reader, target storage.Tree, name string) error {
	found, err := target.Look(name, true)
	if err == nil && (!found.Exists || !found.Mode.IsDir()) {
		err = fmt.Errorf("an archive is unpacked into a folder, and %s is none", name)
	}
	if err != nil {
		return err
	}
	return target.Unpack(archive, path.Join(found.Parent, found.Name))
}

func packStream(out io.Writer, source storage.Tree, name string, options CopyOptions) error {
	found, as, err := lookAtSource(source, name, options)
	if err != nil {
		return err
	}
	return source.Pack(out, found, as, nil)
}

// lookAtSource finds what is to be copied and what it is called. A name that ends in
// "/." means what is in the folder, and not the folder.
func lookAtSource(source storage.Tree, name string, options CopyOptions) (found storage.Found, as string, err error) {
	found, err = source.Look(name, options.FollowLink || endsInSlash(name))
	if err != nil {
		return found, "", err
	}
	if !found.Exists {
		return found, "", fmt.Errorf("%s does not exist", name)
	}
	if endsInSlash(name) && !found.Mode.IsDir() {
		return found, "", fmt.Errorf("%s is no folder", name)
	}
	as = path.Base(path.Clean("/" + name))
	if as == "/" || strings.HasSuffix(name, "/.") || name == "." {
		as = "."
	}
	return found, as, nil
}

func endsInSlash(name string) bool {
	return strings.HasSuffix(name, "/") || strings.HasSuffix(name, "/.")
}

func copyTree(source storage.Tree, from string, target storage.Tree, to string, options CopyOptions) error {
	found, as, err := lookAtSource(source, from, options)
	if err != nil {
		return err
	}
	there, err := target.Look(to, true)
	if err != nil {
		return err
	}
	folder := path.Join(there.Parent, there.Name)
	switch {
	case there.Exists && there.Mode.IsDir():
	case there.Exists && found.Mode.IsDir():
		return fmt.Errorf("the folder %s cannot replace the file %s", from, to)
	case there.Exists && endsInSlash(to):
		return fmt.Errorf("%s is no folder", to)
	case !there.Exists && endsInSlash(to) && !found.Mode.IsDir():
		return fmt.Errorf("the folder %s does not exist: make it first", to)
	default:
		folder, as = there.Parent, there.Name
	}
	own := func(header *tar.Header) { header.Uid, header.Gid = 0, 0 }
	if options.KeepOwners {
		own = nil
	}
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(source.Pack(writer, found, as, own)) }()
	err = target.Unpack(reader, folder)
	_ = reader.Close() // or else Pack would wait for ever for somebody to read
	return err
}

// withTree does something with the root of a container, or of this machine.
func (e *Engine) withTree(place Place, do func(storage.Tree) error) error {
	if place.Container == "" {
		root, err := os.Open("/")
		if err != nil {
			return err
		}
		defer root.Close()
		return do(storage.Tree{Root: root})
	}
	tree, done, err := e.awaitTree(place.Container)
	if err != nil {
		return err
	}
	defer done()
	return do(tree)
}

// awaitTree opens the root of a container. One that is just being started, or has just
// ended, it waits for.
func (e *Engine) awaitTree(name string) (tree storage.Tree, done func(), err error) {
	deadline := time.Now().Add(lockPatience)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		container, err := e.Get(name)
		if err != nil {
			return storage.Tree{}, nil, err
		}
		name = container.ID // whatever it is called by now
		tree, done, err := e.openTree(&container)
		switch changes := errors.Is(err, errLocked) || errors.Is(err, errNoProcess); {
		case !changes:
			return tree, done, err
		case time.Now().Before(deadline):
			<-time.After(pause)
		case container.Status == Restarting:
			return tree, nil, fmt.Errorf("the container %s is between two starts: try again, or stop it first (tinydocker stop %[1]s)", container.Name)
		default:
			return tree, nil, fmt.Errorf("the container %s is just being started or removed: try again", container.Name)
		}
	}
}

// openTree opens the root of a container, that of its processes if it runs. Nobody starts
// or removes one that does not before done is called. The error is errNoProcess or
// errLocked if it has begun or ended to run since it was looked at.
func (e *Engine) openTree(container *Container) (tree storage.Tree, done func(), err error) {
	if container.Status == Running || container.Status == Paused {
		root, err := e.openRoot(container)
		return storage.Tree{Root: root, Users: container.users()}, func() { root.Close() }, err
	}
	held, err := e.lockEnded(container.ID)
	if err != nil {
		return storage.Tree{}, nil, err
	}
	leave := func() {
		_ = e.removeRunFolder(container.ID) // what is left of it is removed by whoever comes next
		held.release()
	}
	record, err := e.readRecord(container.ID)
	if err != nil {
		leave()
		return storage.Tree{}, nil, err
	}
	root, err := e.mountAtRest(record)
	if err != nil {
		leave()
		return storage.Tree{}, nil, err
	}
	return storage.Tree{Root: root}, func() { root.Close(); leave() }, nil
}

// mountAtRest mounts the root of a container that does not run and opens it. It does
// so in a mount namespace of a thread's that ends at once: the mount is then attached
// nowhere, and gone with the open file, whatever happens to us.
func (e *Engine) mountAtRest(record *Record) (*os.File, error) {
	type result struct {
		root *os.File
		err  error
	}
	done := make(chan result)
	go func() {
		goruntime.LockOSThread() // and never unlocked: the thread ends here
		root, err := e.mountHere(record)
		done <- result{root, err}
	}()
	mounted := <-done
	return mounted.root, mounted.err
}

func (e *Engine) mountHere(record *Record) (*os.File, error) {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return nil, fmt.Errorf("make a mount namespace: %w", err)
	}
	path := filepath.Join(e.folder(record.ID), "merged")
	root, err := e.rootOf(record)
	if err != nil {
		return nil, err
	}
	if err := runtime.MountRoot(root, path); err != nil {
		return nil, err
	}
	descriptor, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the root of the container %s: %w", record.Name, err)
	}
	return os.NewFile(uintptr(descriptor), "the container's root"), nil
}

// Changes returns what a container has changed of its image's files, in the order of
// the paths.
func (e *Engine) Changes(name string) ([]storage.Change, error) {
	container, err := e.Get(name)
	if err != nil {
		return nil, err
	}
	changes, err := e.upperOf(&container.Record).Changes()
	if err != nil {
		return nil, e.orGone(container.ID, fmt.Errorf("look at what the container %s has changed: %w", name, err))
	}
	return changes, nil
}

// upperOf is what a container has written. What was made only for something to be
// mounted on, it has not.
func (e *Engine) upperOf(record *Record) storage.Upper {
	upper := storage.Upper{Driver: driverOf(record), Path: filepath.Join(e.folder(record.ID), "upper")}
	for _, layer := range slices.Backward(e.layerFolders(record)) {
		upper.Lower = append(upper.Lower, layer)
	}
	for _, mount := range e.mountsOf(record) {
		upper.MountPoints = append(upper.MountPoints, mount.Destination)
	}
	return upper
}
