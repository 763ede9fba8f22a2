// Package engine is a container's life: it makes containers from images, starts
// them, watches them and removes them.
//
// There is no daemon, so the state is on disk, below two roots:
//
//	ROOT/images/                   images (package image)
//	ROOT/layers/                   their layers, unpacked (package storage)
//	ROOT/volumes/                  what outlives containers (package volume)
//	ROOT/containers/ID/config.json the record of a container, written last
//	ROOT/containers/ID/upper, work what it has written; gone with it
//	ROOT/containers/ID/log.json    what it has printed
//	ROOT/names/NAME                the id of the container that has the name
//	RUN/containers/ID/lock         held by whoever watches the container
//	RUN/containers/ID/state.json   the process it is, while it runs
//	RUN/containers/ID/socket       where its watcher is to be reached
//
// RUN is on a file system that does not survive the boot. A record never proves
// that a container runs: its lock is held, or it does not.
package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mytinydocker/final/explain"
	"mytinydocker/final/image"
	"mytinydocker/final/storage"
	"mytinydocker/final/volume"
)

// Engine works on the containers below two roots.
type Engine struct {
	// Explain hears of every step to the kernel; nil is for silence.
	Explain explain.Log

	root, run string
	images    *image.Store
	layers    *storage.Layers
	volumes   *volume.Store
	untidy    []error // what was left behind, and could not be removed
}

// New returns the engine for root, for what must last, and run, for what ends
// with the boot. Both are made, for their owner only, and what containers have
// left behind whose tool was killed is removed.
func New(root, run string) (*Engine, error) {
	engine, err := open(root, run)
	if err != nil {
		return nil, err
	}
	if engine.untidy, err = engine.tidy(); err != nil {
		return nil, err
	}
	if err := errors.Join(engine.layers.Tidy(), engine.volumes.Tidy()); err != nil {
		engine.untidy = append(engine.untidy, err)
	}
	return engine, nil
}

// open returns the engine and does not look at what is left.
func open(root, run string) (*Engine, error) {
	root, err := makePrivate(root)
	if err != nil {
		return nil, err
	}
	run, err = makePrivate(run)
	if err != nil {
		return nil, err
	}
	if err := notTheSame(root, run); err != nil {
		return nil, err
	}
	engine := &Engine{root: root, run: run}
	for _, folder := range []string{engine.root + "/containers", engine.root + "/names", engine.run + "/containers"} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("make a state folder: %w", err)
		}
	}
	engine.volumes = volume.New(filepath.Join(engine.root, "volumes"))
	return engine, engine.UseDriver("")
}

// UseDriver has new containers use the storage driver called name, or with "" the one
// that suits the kernel.
func (e *Engine) UseDriver(name string) error {
	driver, err := storage.Choose(name)
	if err != nil {
		return err
	}
	e.layers = storage.NewLayers(filepath.Join(e.root, "layers"), driver)
	e.images = image.New(filepath.Join(e.root, "images"), e.layers)
	e.images.InUse = e.layersInUse
	return nil
}

// makePrivate makes a folder that nobody but its owner can enter, and refuses one
// that others can: whoever can write there is root in every container. It returns
// the folder's absolute path.
func makePrivate(folder string) (string, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("make the state folder: %w", err)
	}
	info, err := os.Stat(folder)
	if err != nil {
		return "", fmt.Errorf("look at the state folder: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("the state folder %s is open to others (mode %04o): chmod 700 it", folder, info.Mode().Perm())
	}
	return folder, nil
}

// notTheSame refuses one folder for both roots: what ends with the boot is removed
// without a question.
func notTheSame(root, run string) error {
	lasting, err := os.Stat(root)
	if err != nil {
		return err
	}
	passing, err := os.Stat(run)
	if err != nil {
		return err
	}
	if os.SameFile(lasting, passing) {
		return fmt.Errorf("root and run root must be two folders, and both are %s", root)
	}
	return nil
}
