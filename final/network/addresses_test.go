package network

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// memory is a file in which there is a fault after a number of writes.
type memory struct {
	content []byte
	writes  int // that still succeed; negative is all
}

var errFault = errors.New("planted fault")

func (m *memory) ReadAt(content []byte, offset int64) (int, error) {
	if offset >= int64(len(m.content)) {
		return 0, io.EOF
	}
	count := copy(content, m.content[offset:])
	if count < len(content) {
		return count, io.EOF
	}
	return count, nil
}

func (m *memory) WriteAt(content []byte, offset int64) (int, error) {
	if m.writes == 0 {
		return 0, errFault
	}
	m.writes--
	if end := int(offset) + len(content); end > len(m.content) {
		m.content = append(m.content, make([]byte, end-len(m.content))...)
	}
	return copy(m.content[offset:], content), nil
}

func prefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }
func address(text string) netip.Addr  { return netip.MustParseAddr(text) }

// reserving is for addresses that nobody is to get.
func reserving(address netip.Addr) func() (map[netip.Addr]string, error) {
	return func() (map[netip.Addr]string, error) { return map[netip.Addr]string{address: ""}, nil }
}

func newAddresses(t testing.TB, subnet string) (*addresses, *memory) {
	t.Helper()
	file := &memory{writes: -1}
	a, err := openAddresses(prefix(subnet), file, reserving(addressAt(prefix(subnet), 1)))
	require.NoError(t, err)
	return a, file
}

func TestEveryAddressIsGivenOnce(t *testing.T) {
	for _, subnet := range []string{"10.0.0.0/30", "10.0.0.8/29", "10.0.0.0/26", "10.1.0.0/25", "10.0.0.0/24", "10.4.0.0/19", "172.16.0.0/16"} {
		a, _ := newAddresses(t, subnet)
		size := sizeOf(a.subnet)
		for index := 2; index < size-1; index++ {
			given, err := a.Allocate(a.subnet, fmt.Sprint("owner ", index))
			require.NoError(t, err)
			require.Equal(t, addressAt(a.subnet, index), given, subnet)
		}
		_, err := a.Allocate(a.subnet, "late")
		require.ErrorIs(t, err, errNoAddress)
		require.ErrorContains(t, err, subnet)

		count := 0
		require.NoError(t, a.Owned(func(given netip.Addr, owner string) error {
			count++
			require.Equal(t, fmt.Sprint("owner ", indexOf(a.subnet, given)), owner)
			return nil
		}))
		require.Equal(t, size-3, count)
	}
}

func TestReservedAddressesAreNobodys(t *testing.T) {
	a, _ := newAddresses(t, "10.1.0.0/24")
	for _, reserved := range []string{"10.1.0.0", "10.1.0.1", "10.1.0.255"} {
		require.ErrorIs(t, a.Take(address(reserved), "me"), errNoAddress)
		require.NoError(t, a.Release(address(reserved), ""))
		require.ErrorIs(t, a.Take(address(reserved), "me"), errNoAddress)
	}
}

// What is on its way to the old owner of an address must not reach a new one.
func TestAddressIsGivenAgainAsLateAsPossible(t *testing.T) {
	a, _ := newAddresses(t, "10.0.0.0/29")
	for _, want := range []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.2", "10.0.0.3"} {
		given, err := a.Allocate(a.subnet, "me")
		require.NoError(t, err)
		require.Equal(t, want, given.String())
		require.NoError(t, a.Release(given, "me"))
	}
}

func TestOnlyTheOwnerGivesBack(t *testing.T) {
	a, _ := newAddresses(t, "10.0.0.0/24")
	require.NoError(t, a.Take(address("10.0.0.7"), "me"))

	require.NoError(t, a.Release(address("10.0.0.7"), "you"))

	require.ErrorIs(t, a.Take(address("10.0.0.7"), "you"), errNoAddress)
	require.NoError(t, a.Release(address("10.0.0.7"), "me"))
	require.NoError(t, a.Release(address("10.0.0.7"), "me"))
	owner, err := a.Owner(address("10.0.0.7"))
	require.NoError(t, err)
	require.Empty(t, owner)
	require.NoError(t, a.Take(address("10.0.0.7"), "you"))
}

func TestAddressesComeFromTheRange(t *testing.T) {
	a, _ := newAddresses(t, "10.0.0.0/16")
	require.NoError(t, a.Take(address("10.0.3.5"), "by hand"))
	for _, want := range []string{"10.0.3.4", "10.0.3.6", "10.0.3.7"} {
		given, err := a.Allocate(prefix("10.0.3.4/30"), "me")
		require.NoError(t, err)
		require.Equal(t, want, given.String())
	}
	_, err := a.Allocate(prefix("10.0.3.4/30"), "me")
	require.ErrorIs(t, err, errNoAddress)
	require.NoError(t, a.Release(address("10.0.3.4"), "me"))
	given, err := a.Allocate(prefix("10.0.3.4/30"), "me")
	require.NoError(t, err)
	require.Equal(t, "10.0.3.4", given.String())
}

// The simplest thing that has the same behaviour: a set.
func TestAddressesBehaveLikeASet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, subnet := range []string{"10.0.0.0/30", "10.0.0.0/28", "10.0.0.0/25", "10.0.0.0/19"} {
		a, _ := newAddresses(t, subnet)
		size, owners := sizeOf(a.subnet), make(map[netip.Addr]string)
		for step := range 20_000 {
			owner := fmt.Sprint(step % 5)
			switch some := addressAt(a.subnet, random.IntN(size)); {
			case random.IntN(100) < 60-step%2*20:
				given, err := a.Allocate(a.subnet, owner)
				if len(owners) == size-3 {
					require.ErrorIs(t, err, errNoAddress)
					break
				}
				require.NoError(t, err)
				require.Empty(t, owners[given])
				owners[given] = owner
			case random.IntN(2) == 0:
				err := a.Take(some, owner)
				if index := indexOf(a.subnet, some); index < 2 || index == size-1 || owners[some] != "" {
					require.ErrorIs(t, err, errNoAddress)
					break
				}
				require.NoError(t, err)
				owners[some] = owner
			default:
				require.NoError(t, a.Release(some, owner))
				if owners[some] == owner {
					delete(owners, some)
				}
			}
		}
		requireOwners(t, a, owners)
	}
}

func requireOwners(t *testing.T, a *addresses, owners map[netip.Addr]string) {
	t.Helper()
	seen := make(map[netip.Addr]string)
	require.NoError(t, a.Owned(func(given netip.Addr, owner string) error {
		seen[given] = owner
		return nil
	}))
	require.Equal(t, owners, seen)
}

// A process that is killed has done some of its writes, in their order. Whichever
// these are: what others have stays theirs, and all the rest can still be given.
func TestEndAtAnyWriteLosesNothing(t *testing.T) {
	const subnet = "10.0.0.0/24"
	for _, full := range []int{0, 60, 61, 62, 63, 125, 189, 250, 253} {
		for writes := range 8 {
			a, file := newAddresses(t, subnet)
			owners := make(map[netip.Addr]string)
			for range full {
				given, err := a.Allocate(a.subnet, "they")
				require.NoError(t, err)
				owners[given] = "they"
			}
			for _, change := range []func() error{
				func() error { _, err := a.Allocate(a.subnet, "me"); return err },
				func() error { return a.Release(addressAt(a.subnet, 20), "they") },
				func() error { return a.Take(addressAt(a.subnet, 254), "me") },
			} {
				file.writes = writes
				_ = change()
			}
			file.writes = -1

			a, err := openAddresses(a.subnet, file, reserving(address("10.0.0.1")))
			require.NoError(t, err)
			taken := 0
			require.NoError(t, a.Owned(func(given netip.Addr, owner string) error {
				taken++
				if owner == "they" {
					require.Contains(t, owners, given)
				}
				return nil
			}))
			for range 253 - taken {
				given, err := a.Allocate(a.subnet, "new")
				require.NoError(t, err, "%d full, %d writes", full, writes)
				if given != addressAt(a.subnet, 20) { // which they have given back
					require.NotContains(t, owners, given)
				}
			}
			_, err = a.Allocate(a.subnet, "new")
			require.ErrorIs(t, err, errNoAddress)
		}
	}
}

func TestFormatMayBeInterrupted(t *testing.T) {
	for writes := range 12 {
		file := &memory{writes: writes}
		_, _ = openAddresses(prefix("10.0.0.0/20"), file, reserving(address("10.0.0.1")))
		file.writes = -1
		a, err := openAddresses(prefix("10.0.0.0/20"), file, reserving(address("10.0.0.1")))
		require.NoError(t, err)
		for range 4096 - 3 {
			_, err := a.Allocate(a.subnet, "me")
			require.NoError(t, err)
		}
		_, err = a.Allocate(a.subnet, "me")
		require.ErrorIs(t, err, errNoAddress)
	}
}

func TestFullDiskIsAnError(t *testing.T) {
	a, file := newAddresses(t, "10.0.0.0/24")
	file.writes = 0

	_, err := a.Allocate(a.subnet, "me")

	require.ErrorIs(t, err, errFault)
	require.ErrorContains(t, a.Take(address("10.0.0.9"), strings.Repeat("x", 65)), "longer")
	file.writes = -1
	requireOwners(t, a, map[netip.Addr]string{})
}

// The largest subnet has a file of a gigabyte, and almost nothing of it on disk.
func TestLargestSubnetTakesLittleRoom(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "addresses"))
	require.NoError(t, err)
	defer file.Close()
	a, err := openAddresses(prefix("10.0.0.0/8"), file, reserving(address("10.0.0.1")))
	require.NoError(t, err)
	for range 1000 {
		_, err := a.Allocate(a.subnet, "me")
		require.NoError(t, err)
	}
	require.NoError(t, a.Take(address("10.255.255.254"), "me"))

	require.Less(t, blocksOf(t, file), int64(512))
}

func FuzzAddresses(f *testing.F) {
	f.Add(uint8(30), []byte{1, 2, 3, 4})
	f.Add(uint8(24), []byte("allocate and release"))
	f.Fuzz(func(t *testing.T, size uint8, steps []byte) {
		subnet := netip.PrefixFrom(address("10.0.0.0"), 18+int(size%13))
		a, _ := newAddresses(t, subnet.String())
		owners := make(map[netip.Addr]string)
		for _, step := range steps {
			some := addressAt(subnet, int(step)%sizeOf(subnet))
			switch step % 3 {
			case 0:
				if given, err := a.Allocate(subnet, "me"); err == nil {
					require.Empty(t, owners[given])
					owners[given] = "me"
				}
			case 1:
				if a.Take(some, "you") == nil {
					require.Empty(t, owners[some])
					owners[some] = "you"
				}
			default:
				require.NoError(t, a.Release(some, "you"))
				if owners[some] == "you" {
					delete(owners, some)
				}
			}
		}
		requireOwners(t, a, owners)
	})
}
