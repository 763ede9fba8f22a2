package network

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// lockAll locks the list of networks: what is made or removed, and which addresses they
// have. What is left of networks at whose making or removal somebody was killed is gone
// then.
func (n *Networks) lockAll() (*os.File, error) {
	lock, err := lockFile(filepath.Join(n.root, ".lock"))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(n.removeHalfRecords(), n.removeLostState(), n.settleRules()); err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}

// removeHalfRecords removes records that were not finished: who writes one has the lock
// of the list.
func (n *Networks) removeHalfRecords() error {
	entries, err := os.ReadDir(n.root)
	if err != nil {
		return fmt.Errorf("list the networks: %w", err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".json.new") {
			continue
		}
		if err := os.Remove(filepath.Join(n.root, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove half a network: %w", err)
		}
	}
	return nil
}

// removeLostState removes the state of networks without a record. It may be that of one
// whose record is damaged: then all stays.
func (n *Networks) removeLostState() error {
	names, err := n.names()
	if err != nil {
		return err
	}
	known := make(map[string]bool)
	for _, name := range names {
		network, err := n.load(name)
		if err != nil {
			return nil //nolint:nilerr // it is nobody's task to complain here
		}
		known[network.ID] = true
	}
	entries, err := os.ReadDir(n.run)
	if err != nil {
		return fmt.Errorf("list the state of the networks: %w", err)
	}
	for _, entry := range entries {
		if !entry.IsDir() || known[entry.Name()] {
			continue
		}
		if err := n.removeState(&Network{ID: entry.Name(), Name: entry.Name()}); err != nil {
			return err
		}
	}
	return nil
}
