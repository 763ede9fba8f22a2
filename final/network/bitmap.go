package network

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// firstFree returns the first bit of a level that is clear, at index or after it, or
// -1. It asks the level above for a word that is not full, and mends what that one
// says wrongly.
func (a *addresses) firstFree(level, index int) (int, error) {
	for index < a.bitsOf(level) {
		word, err := a.read(a.wordAt(level, index))
		if err != nil {
			return -1, err
		}
		if free := ^word & (^uint64(0) << (index % 64)); free != 0 {
			return index/64*64 + bits.TrailingZeros64(free), nil
		}
		if level == len(a.levels)-1 {
			return -1, nil
		}
		if word == ^uint64(0) {
			if err := a.markFull(level+1, index/64); err != nil {
				return -1, err
			}
		}
		next, err := a.firstFree(level+1, index/64+1)
		if next < 0 || err != nil {
			return -1, err
		}
		index = next * 64
	}
	return -1, nil
}

// take sets the bit of an address.
func (a *addresses) take(index int, owner string) error {
	if err := a.writeOwner(index, owner); err != nil {
		return err
	}
	return a.markFull(0, index)
}

// markFull sets a bit of a level, and then, if its word has become full, the one
// above it.
func (a *addresses) markFull(level, index int) error {
	for ; level < len(a.levels); level, index = level+1, index/64 {
		at := a.wordAt(level, index)
		word, err := a.read(at)
		if err != nil {
			return err
		}
		word |= 1 << (index % 64)
		if err := a.write(at, word); err != nil {
			return err
		}
		if word != ^uint64(0) {
			return nil
		}
	}
	return nil
}

// clear clears the bits above an address, and then its own.
func (a *addresses) clear(index int) error {
	for level := len(a.levels) - 1; level >= 0; level-- {
		bit := index >> (6 * level)
		at := a.wordAt(level, bit)
		word, err := a.read(at)
		if err != nil {
			return err
		}
		if cleared := word &^ (1 << (bit % 64)); cleared != word {
			if err := a.write(at, cleared); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *addresses) taken(index int) (bool, error) {
	word, err := a.read(a.wordAt(0, index))
	return word&(1<<(index%64)) != 0, err
}

// bitsOf returns how many bits there are in the words of a level.
func (a *addresses) bitsOf(level int) int {
	end := a.ownersAt()
	if level+1 < len(a.levels) {
		end = a.levels[level+1]
	}
	return int(end-a.levels[level]) * 8
}

// wordAt is where the word with a bit of a level is, in bytes.
func (a *addresses) wordAt(level, index int) int64 { return a.levels[level] + int64(index/64)*8 }

// ownersAt is behind the highest level, which is one word.
func (a *addresses) ownersAt() int64 { return a.levels[len(a.levels)-1] + 8 }

// read reads one word. What has never been written is 0.
func (a *addresses) read(at int64) (uint64, error) {
	var word [8]byte
	if _, err := a.file.ReadAt(word[:], at); err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read the addresses of %s: %w", a.subnet, err)
	}
	return binary.LittleEndian.Uint64(word[:]), nil
}

// write writes one word. It lies in one page, so it is written as a whole, whatever
// becomes of the process.
func (a *addresses) write(at int64, word uint64) error {
	if _, err := a.file.WriteAt(binary.LittleEndian.AppendUint64(nil, word), at); err != nil {
		return fmt.Errorf("write the addresses of %s: %w", a.subnet, err)
	}
	return nil
}

func (a *addresses) readOwner(index int) (string, error) {
	owner := make([]byte, ownerSize)
	_, err := a.file.ReadAt(owner, a.ownersAt()+int64(index)*ownerSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read who has %s: %w", addressAt(a.subnet, index), err)
	}
	return string(bytes.TrimRight(owner, "\x00")), nil
}

func (a *addresses) writeOwner(index int, owner string) error {
	if len(owner) > ownerSize {
		return fmt.Errorf("write who has %s: %q is longer than %d bytes", addressAt(a.subnet, index), owner, ownerSize)
	}
	content := make([]byte, ownerSize)
	copy(content, owner)
	if _, err := a.file.WriteAt(content, a.ownersAt()+int64(index)*ownerSize); err != nil {
		return fmt.Errorf("write who has %s: %w", addressAt(a.subnet, index), err)
	}
	return nil
}
