package storage

import (
	"archive/tar"
	"io"
	goruntime "runtime"
)

// owners changes who owns a file: from the numbers of this machine to those of the
// tree's users, and then by own, if there is one.
func (t Tree) owners(own func(*tar.Header)) func(*tar.Header) {
	if !t.Users.Own() {
		return own
	}
	return func(header *tar.Header) {
		header.Uid, header.Gid = t.Users.Inside(header.Uid), t.Users.Inside(header.Gid)
		if own != nil {
			own(header)
		}
	}
}

// unpack unpacks an archive for the tree's users. Root of this machine can make no file
// where it is none of them, so that is done as their root, on a thread that ends with it.
func (t Tree) unpack(archive io.Reader, target string) error {
	if !t.Users.Own() {
		return Unpack(archive, target)
	}
	done := make(chan error)
	go func() {
		goruntime.LockOSThread() // and never unlocked
		err := t.Users.Act()
		if err == nil {
			err = Unpacker{Users: t.Users}.Unpack(archive, target)
		}
		done <- err
	}()
	return <-done
}

// toOutside makes the numbers of an entry those of this machine.
func (u *unpacking) toOutside(header *tar.Header) (err error) {
	if header.Uid, err = u.users.Outside(header.Uid); err != nil {
		return err
	}
	header.Gid, err = u.users.Outside(header.Gid)
	return err
}
