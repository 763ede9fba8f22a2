package network

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func blocksOf(t testing.TB, file *os.File) int64 {
	t.Helper()
	info, err := file.Stat()
	require.NoError(t, err)
	return info.Sys().(*syscall.Stat_t).Blocks
}

// One round is what a container does to an address: to take one and to give it back,
// with the file opened and locked.
func BenchmarkAddresses(b *testing.B) {
	for _, bits := range []int{24, 16, 8} {
		for _, how := range []string{"empty", "full to 95 % at random", "full to 95 % from below"} {
			b.Run(fmt.Sprintf("%d/%s", bits, how), func(b *testing.B) {
				path := filepath.Join(b.TempDir(), "addresses")
				subnet := prefix(fmt.Sprintf("10.0.0.0/%d", bits))
				fill(b, path, bits, how)
				for b.Loop() {
					err := withAddresses(path, subnet, func(a *addresses) error {
						given, err := a.Allocate(subnet, "the owner")
						if err != nil {
							return err
						}
						return a.Release(given, "the owner")
					}, reserving(addressAt(subnet, 1)))
					require.NoError(b, err)
				}
			})
		}
	}
}

// fill makes a file as it would be if many addresses had been taken.
func fill(b *testing.B, path string, bits int, how string) {
	b.Helper()
	subnet := prefix(fmt.Sprintf("10.0.0.0/%d", bits))
	require.NoError(b, withAddresses(path, subnet, func(a *addresses) error {
		level := make([]bool, a.size())
		for index := range level {
			switch how {
			case "full to 95 % at random":
				level[index] = rand.IntN(100) < 95
			case "full to 95 % from below":
				level[index] = index < a.size()*95/100
			}
		}
		for number := range a.levels {
			words := make([]byte, a.bitsOf(number)/8)
			above := make([]bool, len(words)/8)
			for word := range above {
				var value uint64
				for bit := range 64 {
					if index := word*64 + bit; index >= len(level) || level[index] {
						value |= 1 << bit
					}
				}
				binary.LittleEndian.PutUint64(words[word*8:], value)
				above[word] = value == ^uint64(0)
			}
			if _, err := a.file.WriteAt(words, a.levels[number]); err != nil {
				return err
			}
			level = above
		}
		return nil
	}, reserving(addressAt(subnet, 1))))
}
