package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// pivotRoot makes the folder at path, on which something is mounted, the root of
// this mount namespace, lets go of the old one, and goes to the new "/".
//
// chroot(2) would only change where this process looks up a "/": the old root stays
// mounted, and there are ways back to it. After pivot_root(2) the old root is a
// mount like any other, and after the unmount there is nothing to go back to.
//
//learn:exercise
func pivotRoot(path string) error {
	if err := unix.Chdir(path); err != nil {
		return fmt.Errorf("enter the new root: %w", err)
	}
	// The manual asks for a folder below the new root to put the old one in. With
	// "." for both, the old root comes to lie on top of the new one, at the same
	// place, and needs no folder: an image could have put a trap there.
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot into %s: %w", path, err)
	}
	// "." is the top of the two. Lazily (MNT_DETACH), since files are still open
	// there: this program, for one.
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the old root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("enter the new root: %w", err)
	}
	return nil
}
