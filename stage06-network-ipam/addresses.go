package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
)

// The bitmap of a network is kept as the file addresses, bit for bit. It says that
// an address is taken and not by whom: for that, each owner has a file with its
// address. Whoever calls what follows holds the lock of the networks.

func (b *Bitmap) save(path string) error {
	return replaceFile(path, func(file io.Writer) error {
		_, err := file.Write(b.taken)
		return err
	})
}

// addresses reads the bitmap of a network.
func (n *Network) addresses(root string) (*Bitmap, error) {
	content, err := os.ReadFile(networkFile(root, n.Name, "addresses"))
	if err != nil {
		return nil, fmt.Errorf("read the addresses of the network %s: %w", n.Name, err)
	}
	bitmap, err := readBitmap(n.Subnet, content)
	if err != nil {
		return nil, fmt.Errorf("read the addresses of the network %s: %w", n.Name, err)
	}
	return bitmap, nil
}

// takeAddress takes a free address for owner.
func takeAddress(root string, network *Network, owner string) (netip.Addr, error) {
	bitmap, err := network.addresses(root)
	if err != nil {
		return netip.Addr{}, err
	}
	address, err := bitmap.Allocate()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("the network %s: %w", network.Name, err)
	}
	file := networkFile(root, network.Name, owner)
	err = replaceFile(file, func(file io.Writer) error {
		_, err := io.WriteString(file, address.String())
		return err
	})
	if err != nil {
		return netip.Addr{}, fmt.Errorf("keep who has the address %s: %w", address, err)
	}
	if err := bitmap.save(networkFile(root, network.Name, "addresses")); err != nil {
		return netip.Addr{}, errors.Join(fmt.Errorf("keep the addresses of the network %s: %w", network.Name, err), os.Remove(file))
	}
	return address, nil
}

// giveBackAddress gives back the address that owner has, if it has one still: by the
// second time somebody else may have it. If we are killed in between, the address
// stays taken, and that is better than one that two have.
func giveBackAddress(root string, network *Network, owner string) error {
	file := networkFile(root, network.Name, owner)
	content, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read which address %s has: %w", owner, err)
	}
	address, err := netip.ParseAddr(strings.TrimSpace(string(content)))
	if err != nil {
		return fmt.Errorf("read which address %s has: %w", owner, err)
	}
	bitmap, err := network.addresses(root)
	if err != nil {
		return err
	}
	if err := bitmap.Release(address); err != nil {
		return fmt.Errorf("the network %s: %w", network.Name, err)
	}
	if err := os.Remove(file); err != nil {
		return fmt.Errorf("give back the address %s: %w", address, err)
	}
	if err := bitmap.save(networkFile(root, network.Name, "addresses")); err != nil {
		return fmt.Errorf("keep the addresses of the network %s: %w", network.Name, err)
	}
	return nil
}
