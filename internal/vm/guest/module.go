package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// loadModules loads files of kernel modules, each after those it needs.
func loadModules(files []string) error {
	for _, path := range files {
		if err := load(path); err != nil {
			return fmt.Errorf("load the kernel module %s: %w", filepath.Base(path), err)
		}
	}
	return nil
}

func load(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	err = unix.FinitModule(int(file.Fd()), "", 0)
	if errors.Is(err, unix.EEXIST) {
		return nil // built in, or loaded by the kernel itself
	}
	return err
}
