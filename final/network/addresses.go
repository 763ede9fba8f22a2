package network

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
)

// errNoAddress means that every address that may be given has an owner.
var errNoAddress = errors.New("all addresses are taken")

// storage is where the addresses of a subnet are kept: a file.
type storage interface {
	ReadAt(content []byte, offset int64) (int, error)
	WriteAt(content []byte, offset int64) (int, error)
}

// addresses says which addresses of a subnet are taken, with one bit for each, and
// by whom. Over the bits there are levels of other bits: one of level 1 says that 64
// of level 0 are all set, one of level 2 that 64 of level 1 are, and so on up to a
// level that is one word. So a free address is found with a word or two of each
// level, and the largest subnet, a /8, has four levels:
//
//	level 3   1 word        every bit: "these 64 are full"
//	level 2   64 words
//	level 1   4096 words
//	level 0   262144 words  every bit: an address, and whether it is taken
//
// Whatever a process that is killed leaves behind is right, by the order of the
// writes: the owner is written before the bit; the bit is set before those above it,
// and cleared after them. So a set bit above is the truth, and a clear one is a hint,
// which is put right by whoever finds that it is wrong.
//
// It is read and written by system calls, and not mapped into memory: the file has
// holes, and a disk that is full is an error to write(2), and death to a mapping.
//
// The order of addresses is round and round: one that has been given back is given
// away again as late as possible, so that what is still on its way to its old owner
// does not reach the new one.
type addresses struct {
	subnet netip.Prefix
	file   storage
	levels []int64 // where each begins, in bytes
}

// The file begins with a word that says that it is one, and the word with the index
// of the address to look at next. Then come the levels, and then the owners.
const (
	addressesMagic = 0x31736572646461 // "addres1"
	magicAt        = 0
	cursorAt       = 8
	levelsAt       = 16
	ownerSize      = 64 // bytes
)

// openAddresses returns the addresses of a subnet that are kept in file. In an empty
// one all are free but the first, which is the network itself, the last, which is
// everybody there (RFC 919), and those that somebody has already, as owned says; those
// of nobody are reserved.
func openAddresses(subnet netip.Prefix, file storage, owned func() (map[netip.Addr]string, error)) (*addresses, error) {
	a := &addresses{subnet: subnet, file: file}
	end := int64(levelsAt)
	for words := (a.size() + 63) / 64; ; words = (words + 63) / 64 {
		a.levels = append(a.levels, end)
		end += int64(words) * 8
		if words == 1 {
			break
		}
	}
	magic, err := a.read(magicAt)
	if err != nil || magic == addressesMagic {
		return a, err
	}
	owners, err := owned()
	if err != nil {
		return a, err
	}
	return a, a.format(owners)
}

// format may be done twice, if somebody was killed at it.
func (a *addresses) format(owners map[netip.Addr]string) error {
	for level, bits := 0, a.size(); level < len(a.levels); level, bits = level+1, (bits+63)/64 {
		if rest := bits % 64; rest != 0 {
			if err := a.write(a.wordAt(level, bits-1), ^uint64(0)<<rest); err != nil {
				return err
			}
		}
	}
	for _, index := range []int{0, a.size() - 1} {
		if err := a.take(index, ""); err != nil {
			return err
		}
	}
	for address, owner := range owners {
		if err := a.take(indexOf(a.subnet, address), owner); err != nil {
			return err
		}
	}
	return a.write(magicAt, addressesMagic)
}

// Allocate gives owner the next free address among those of within, a part of the
// subnet. If there is none, the error is errNoAddress.
func (a *addresses) Allocate(within netip.Prefix, owner string) (netip.Addr, error) {
	first := indexOf(a.subnet, within.Masked().Addr())
	last := first + sizeOf(within) - 1
	cursor, err := a.read(cursorAt)
	if err != nil {
		return netip.Addr{}, err
	}
	start := first
	if cursor > uint64(first) && cursor <= uint64(last) {
		start = int(cursor)
	}
	index, err := a.firstFree(0, start)
	if err == nil && (index < 0 || index > last) && start > first {
		index, err = a.firstFree(0, first)
	}
	if err != nil {
		return netip.Addr{}, err
	}
	if index < 0 || index > last {
		return netip.Addr{}, fmt.Errorf("%w in %s", errNoAddress, within)
	}
	if err := a.take(index, owner); err != nil {
		return netip.Addr{}, err
	}
	return addressAt(a.subnet, index), a.write(cursorAt, uint64(index)+1)
}

// Take gives owner a certain address of the subnet. The error is errNoAddress if it
// is taken.
func (a *addresses) Take(address netip.Addr, owner string) error {
	index := indexOf(a.subnet, address)
	taken, err := a.taken(index)
	if err != nil {
		return err
	}
	if taken {
		return fmt.Errorf("%w: %s is", errNoAddress, address)
	}
	return a.take(index, owner)
}

// Release makes an address free, if it is owner's.
func (a *addresses) Release(address netip.Addr, owner string) error {
	holder, err := a.Owner(address)
	if err != nil || holder != owner || owner == "" {
		return err
	}
	return a.clear(indexOf(a.subnet, address))
}

// Owner returns who has an address. It is "" if nobody has, or if it is reserved.
func (a *addresses) Owner(address netip.Addr) (string, error) {
	index := indexOf(a.subnet, address)
	if taken, err := a.taken(index); err != nil || !taken {
		return "", err
	}
	return a.readOwner(index)
}

// Owned calls visit with every address that has an owner, until that returns an
// error. It may be released meanwhile.
func (a *addresses) Owned(visit func(address netip.Addr, owner string) error) error {
	for first := 0; first < a.size(); first += 64 {
		word, err := a.read(a.wordAt(0, first))
		if err != nil {
			return err
		}
		for ; word != 0; word &= word - 1 {
			index := first + bits.TrailingZeros64(word)
			if index >= a.size() {
				break
			}
			owner, err := a.readOwner(index)
			if err == nil && owner != "" {
				err = visit(addressAt(a.subnet, index), owner)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *addresses) size() int { return sizeOf(a.subnet) }

// addressAt returns the address with a number in a subnet. An address is a number,
// too, of four bytes with the highest first.
func addressAt(subnet netip.Prefix, index int) netip.Addr {
	address := subnet.Addr().As4()
	number := binary.BigEndian.Uint32(address[:])
	binary.BigEndian.PutUint32(address[:], number+uint32(index))
	return netip.AddrFrom4(address)
}

// indexOf is the other way round: the number of an address in its subnet.
func indexOf(subnet netip.Prefix, address netip.Addr) int {
	first, this := subnet.Addr().As4(), address.As4()
	return int(binary.BigEndian.Uint32(this[:])) - int(binary.BigEndian.Uint32(first[:]))
}

// sizeOf returns how many addresses a subnet has.
func sizeOf(subnet netip.Prefix) int { return 1 << (32 - subnet.Bits()) }
