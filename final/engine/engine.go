// Package engine is a container's life: it makes containers from images, starts
// them, watches them and removes them.
//
// There is no daemon, so the state is on disk, below two roots:
//
//	ROOT/layers/                   the layers of images (package storage)
//	ROOT/containers/ID/config.json the record of a container, written last
//	ROOT/containers/ID/upper, work what it has written; gone with it
//	ROOT/names/NAME                the id of the container that has the name
//	RUN/containers/ID/lock         held by whoever watches the container
//	RUN/containers/ID/state.json   the process it is, while it runs
//
// RUN is on a file system that does not survive the boot. A record never proves
// that a container runs: its lock is held, or it does not.
package engine

import (
	"fmt"
	"os"
	"path/filepath"

	"mytinydocker/final/image"
	"mytinydocker/final/storage"
)

// Engine works on the containers below two roots.
type Engine struct {
	root, run string
	images    *image.Store
	layers    *storage.Layers
}

// New returns the engine for root, for what must last, and run, for what ends
// with the boot. Both are made, for their owner only, and what containers have
// left behind whose tool was killed is removed.
func New(root, run string) (*Engine, error) {
	engine := &Engine{images: &image.Store{}}
	for path, absolute := range map[string]*string{root: &engine.root, run: &engine.run} {
		var err error
		if *absolute, err = filepath.Abs(path); err != nil {
			return nil, err
		}
	}
	for _, folder := range []string{engine.root, engine.run} {
		if err := makePrivate(folder); err != nil {
			return nil, err
		}
	}
	for _, folder := range []string{engine.root + "/containers", engine.root + "/names", engine.run + "/containers"} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("make a state folder: %w", err)
		}
	}
	engine.layers = storage.NewLayers(filepath.Join(engine.root, "layers"))
	if err := engine.tidy(); err != nil {
		return nil, err
	}
	return engine, engine.layers.Tidy()
}

// makePrivate makes a folder that nobody but its owner can enter, and refuses one
// that others can: whoever can write there is root in every container.
func makePrivate(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	info, err := os.Stat(folder)
	if err != nil {
		return fmt.Errorf("look at the state folder: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("the state folder %s is open to others (mode %04o): chmod 700 it", folder, info.Mode().Perm())
	}
	return nil
}
