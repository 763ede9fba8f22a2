package network

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mytinydocker/final/explain"
)

// Options is what the networks need to know of their owner.
type Options struct {
	// Root and Run are the folders for what must last, and for what ends with
	// the boot. All networks are below the folder "networks" of each.
	Root, Run string
	// Alive reports whether the container with an id lives: whether somebody
	// holds its lock. Whatever a container has that does not live is free. Nil
	// is for nobody who ever dies.
	Alive func(id string) bool
	// Log hears of every step.
	Log explain.Log
	// Backend is iptables or nftables; "" is the one that suits the host.
	Backend string
}

// Networks works on the networks below two roots. Several processes may at once.
type Networks struct {
	root, run string // with their last element; run has the boot in it
	alive     func(id string) bool
	log       explain.Log
	backend   string
	tag       string // tells our tables and chains from those of another root
}

// Open returns the networks below two roots. What other boots have left below Run is
// removed: whatever it speaks of, is no more.
func Open(options Options) (*Networks, error) {
	root, err := filepath.Abs(options.Root)
	if err != nil {
		return nil, fmt.Errorf("find the networks: %w", err)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, fmt.Errorf("find out which boot this is: %w", err)
	}
	hash := sha256.Sum256([]byte(root))
	run := filepath.Join(options.Run, "networks")
	n := &Networks{
		root: filepath.Join(root, "networks"), run: filepath.Join(run, strings.TrimSpace(string(boot))),
		alive: options.Alive, log: options.Log, backend: options.Backend, tag: hex.EncodeToString(hash[:4]),
	}
	if n.alive == nil {
		n.alive = func(string) bool { return true }
	}
	for _, folder := range []string{n.root, n.run} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("make a folder of the networks: %w", err)
		}
	}
	return n, removeOthers(run, filepath.Base(n.run))
}

// removeOthers removes all that is in folder but one.
func removeOthers(folder, kept string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("list what other boots have left: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() == kept {
			continue
		}
		if err := os.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
			return fmt.Errorf("remove what another boot has left: %w", err)
		}
	}
	return nil
}

// The files: see the comment of the package.
func (n *Networks) recordPath(name string) string { return filepath.Join(n.root, name+".json") }

func (n *Networks) folder(network *Network, name string) string {
	return filepath.Join(n.run, network.ID, name)
}

// open finds a network, locks it, and reads its record.
func (n *Networks) open(name string) (*Network, *os.File, error) {
	for {
		network, err := n.find(name)
		if err != nil {
			return nil, nil, err
		}
		lock, err := lockFile(n.folder(network, "lock"))
		if err != nil {
			return nil, nil, err
		}
		current, err := n.load(network.Name)
		if err == nil && current.ID == network.ID {
			return current, lock, nil
		}
		lock.Close()
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, nil, err
		}
		// Removed before we had the lock, which we may have made anew.
		if err := n.removeState(network); err != nil {
			return nil, nil, err
		}
	}
}

// removeState removes what a network had in this boot.
func (n *Networks) removeState(network *Network) error {
	err := os.RemoveAll(n.folder(network, ""))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the state of the network %s: %w", network.Name, err)
	}
	return nil
}

// validName reports whether a text is the name of a network or a container, or an id:
// it becomes the name of a file and a word in a file of hosts, so nothing else may
// come past here.
func validName(name string) bool {
	if name == "" || len(name) > 128 || strings.Trim(name[:1], "_.-") == "" {
		return false
	}
	for _, character := range []byte(name) {
		switch {
		case character >= 'a' && character <= 'z', character >= 'A' && character <= 'Z', character >= '0' && character <= '9',
			character == '_', character == '.', character == '-':
		default:
			return false
		}
	}
	return true
}
