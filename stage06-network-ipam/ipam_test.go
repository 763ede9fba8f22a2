package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSubnetsThatCanBe(t *testing.T) {
	for _, text := range []string{"10.0.0.0/8", "10.1.0.0/16", "192.168.1.0/24", "192.0.2.252/30", "223.255.255.252/30"} {
		subnet, err := parseSubnet(text)
		require.NoError(t, err)
		require.Equal(t, text, subnet.String())
	}
	for _, text := range []string{
		"", "10.0.0.0", "10.0.0.0/", "10.0.0/24", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/24 ", "ten/8", "10.0.0.0/24/24",
		"fd00::/24", "::ffff:10.0.0.0/120", // not IPv4
		"10.0.0.1/24", "10.0.0.128/24", // an address in the subnet, and not the subnet
		"10.0.0.0/31", "10.0.0.0/32", "10.0.0.0/7", "0.0.0.0/0", // too small, too large
		"0.0.0.0/8", "127.0.0.0/8", "127.1.0.0/16", "224.0.0.0/8", "255.255.255.252/30", // no host has such an address
	} {
		_, err := parseSubnet(text)
		require.ErrorContains(t, err, "subnet", text)
	}
}

func TestAddressesOfASubnet(t *testing.T) {
	for _, test := range []struct {
		subnet         string
		size           int
		first, last    string // of those that are handed out
		index          int    // of the one
		addressAtIndex string
	}{
		{"10.0.0.0/30", 4, "10.0.0.2", "10.0.0.2", 3, "10.0.0.3"},
		{"10.0.0.4/30", 4, "10.0.0.6", "10.0.0.6", 2, "10.0.0.6"},
		{"10.0.0.8/29", 8, "10.0.0.10", "10.0.0.14", 7, "10.0.0.15"},
		{"192.168.1.0/24", 256, "192.168.1.2", "192.168.1.254", 255, "192.168.1.255"},
		{"10.0.2.0/23", 512, "10.0.2.2", "10.0.3.254", 256, "10.0.3.0"}, // the octet carries
		{"172.16.0.0/16", 65536, "172.16.0.2", "172.16.255.254", 257, "172.16.1.1"},
		{"10.0.0.0/8", 1 << 24, "10.0.0.2", "10.255.255.254", 1<<16 + 255, "10.1.0.255"},
	} {
		t.Run(test.subnet, func(t *testing.T) {
			subnet := netip.MustParsePrefix(test.subnet)
			bitmap := NewBitmap(subnet)

			require.Equal(t, test.addressAtIndex, addressAt(subnet, test.index).String())
			require.Equal(t, test.index, indexOf(subnet, netip.MustParseAddr(test.addressAtIndex)))
			require.Len(t, bitmap.taken, max(test.size/8, 1))
			require.False(t, bitmap.InUse())
			require.Equal(t, test.first, addressOf(t, bitmap).String())
			require.True(t, bitmap.InUse())

			for index := range test.size {
				bitmap.taken[index/8] |= 1 << (index % 8)
			}
			require.NoError(t, bitmap.Release(netip.MustParseAddr(test.last)))
			require.Equal(t, test.last, addressOf(t, bitmap).String())
			_, err := bitmap.Allocate()
			require.Error(t, err, "the subnet is full")
		})
	}
}

// The octets carry, both ways.
func TestAddressIsANumber(t *testing.T) {
	for _, test := range []struct {
		subnet, address string
		index           int
	}{
		{"10.0.0.4/30", "10.0.0.4", 0},
		{"10.0.0.4/30", "10.0.0.6", 2},
		{"192.168.1.0/24", "192.168.1.255", 255},
		{"10.0.2.0/23", "10.0.3.0", 256},
		{"172.16.0.0/16", "172.16.1.1", 257},
		{"10.0.0.0/8", "10.1.0.255", 1<<16 + 255},
		{"200.0.0.0/8", "200.255.255.255", 1<<24 - 1},
	} {
		subnet, address := netip.MustParsePrefix(test.subnet), netip.MustParseAddr(test.address)

		require.Equal(t, test.address, addressAt(subnet, test.index).String(), "addressAt: number %d of %s", test.index, subnet)
		require.Equal(t, test.index, indexOf(subnet, address), "indexOf: %s in %s", address, subnet)
	}
}

func addressOf(t *testing.T, bitmap *Bitmap) netip.Addr {
	t.Helper()
	address, err := bitmap.Allocate()
	require.NoError(t, err)
	return address
}

// Ancestors of this program had 10.0.0.0 come after 10.0.0.255.
func TestAddressesComeInOrder(t *testing.T) {
	bitmap := NewBitmap(netip.MustParsePrefix("10.0.2.0/23"))

	last := addressOf(t, bitmap)
	require.Equal(t, "10.0.2.2", last.String(), "the first")
	for range 508 {
		address := addressOf(t, bitmap)
		require.Equal(t, last.Next().String(), address.String(), "the one after %s", last)
		last = address
	}

	require.Equal(t, "10.0.3.254", last.String())
}

// Ancestors of this program returned no address and no error, and the caller went
// on with that. Four bits of the byte of a /30 stand for no address.
func TestExhaustionIsAnError(t *testing.T) {
	for text, addresses := range map[string]int{"10.0.0.0/29": 5, "10.0.0.4/30": 1} {
		bitmap := NewBitmap(netip.MustParsePrefix(text))
		for range addresses {
			addressOf(t, bitmap)
		}
		full := slices.Clone(bitmap.taken)

		for range 3 {
			address, err := bitmap.Allocate()

			require.ErrorContains(t, err, text, "it is full, and gives away %s", address)
			require.False(t, address.IsValid(), "an address and an error")
			require.Equal(t, full, bitmap.taken, "the bits of %s", text)
		}
	}
}

func TestReleasedAddressIsTheNext(t *testing.T) {
	bitmap := NewBitmap(netip.MustParsePrefix("10.0.0.0/24"))
	var taken []netip.Addr
	for range 20 {
		taken = append(taken, addressOf(t, bitmap))
	}

	require.NoError(t, bitmap.Release(taken[15]))
	require.NoError(t, bitmap.Release(taken[3]))

	require.Equal(t, taken[3], addressOf(t, bitmap), "the lowest of the two")
	require.Equal(t, taken[15], addressOf(t, bitmap))
	require.Equal(t, "10.0.0.22", addressOf(t, bitmap).String())
	for _, address := range append(taken, netip.MustParseAddr("10.0.0.22")) {
		require.NoError(t, bitmap.Release(address))
	}
	require.False(t, bitmap.InUse())
}

func TestReleaseRefusesWhatItDidNotGiveAway(t *testing.T) {
	bitmap := NewBitmap(netip.MustParsePrefix("10.0.2.0/23"))
	for range 3 {
		addressOf(t, bitmap)
	}
	before := slices.Clone(bitmap.taken)
	for name, address := range map[string]string{
		"the network": "10.0.2.0", "the gateway": "10.0.2.1", "the broadcast": "10.0.3.255",
		"free": "10.0.2.5", "the last one, free": "10.0.3.254",
		"just below": "10.0.1.255", "just above": "10.0.4.0", "far away": "192.168.0.1",
		"IPv6": "fd00::2", "IPv4 in IPv6": "::ffff:10.0.2.2",
	} {
		require.ErrorContains(t, bitmap.Release(netip.MustParseAddr(address)), address, name)
		require.Equal(t, before, bitmap.taken, name)
	}
	require.Error(t, bitmap.Release(netip.Addr{}), "none")

	require.NoError(t, bitmap.Release(netip.MustParseAddr("10.0.2.3")))
	require.ErrorContains(t, bitmap.Release(netip.MustParseAddr("10.0.2.3")), "10.0.2.3", "twice")
}

// Half a file, or the file of another network, is no reason to start from empty:
// each address that a container has would be given to a second one.
func TestDamagedBitmapIsRefused(t *testing.T) {
	subnet := netip.MustParsePrefix("10.0.0.0/24")
	whole := NewBitmap(subnet)
	addressOf(t, whole)
	for name, content := range map[string][]byte{
		"empty": {}, "short": whole.taken[:31], "long": append(slices.Clone(whole.taken), 0), "zeros": make([]byte, 32),
		"of another subnet": NewBitmap(netip.MustParsePrefix("10.0.0.0/23")).taken,
	} {
		_, err := readBitmap(subnet, content)
		require.ErrorContains(t, err, "damaged", name)
	}

	again, err := readBitmap(subnet, whole.taken)

	require.NoError(t, err)
	require.Equal(t, "10.0.0.3", addressOf(t, again).String())
	require.Equal(t, "10.0.0.3", addressOf(t, whole).String(), "the two have nothing in common")
}

// compare does what steps say to a bitmap and to a plain map, and compares. A step
// allocates, or releases the address with that number, taken or not.
func compare(t *testing.T, subnet netip.Prefix, steps []int) {
	t.Helper()
	bitmap := NewBitmap(subnet)
	taken := map[netip.Addr]bool{}
	size := 1 << (32 - subnet.Bits())
	for number, step := range steps {
		what := fmt.Sprintf("step %d (%d) in %s", number, step, subnet)
		if step < 0 {
			want := lowestFree(subnet, size, taken)
			address, err := bitmap.Allocate()
			require.Equal(t, want.String(), address.String(), what)
			require.Equal(t, want.IsValid(), err == nil, what)
			if err == nil {
				taken[address] = true
			}
		} else {
			address := addressAt(subnet, step%(size+2)) // two of them lie outside
			err := bitmap.Release(address)
			require.Equal(t, taken[address], err == nil, what)
			delete(taken, address)
		}
		require.Equal(t, len(taken) > 0, bitmap.InUse(), what)
	}
}

// lowestFree looks for it step by step.
func lowestFree(subnet netip.Prefix, size int, taken map[netip.Addr]bool) netip.Addr {
	address := subnet.Addr().Next().Next()
	for range size - 3 {
		if !taken[address] {
			return address
		}
		address = address.Next()
	}
	return netip.Addr{}
}

func TestBitmapIsAMapOfAddresses(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		subnet := netip.PrefixFrom(netip.MustParseAddr("10.20.0.0"), 22+random.IntN(9))
		var steps []int
		for range 400 {
			step := -1
			if random.IntN(5) < 2 {
				step = random.IntN(100)
			}
			steps = append(steps, step)
		}
		compare(t, subnet, steps)
	}
}

// The size is a /16 to a /30. Each byte is a step: the upper half of them allocates.
func FuzzBitmap(f *testing.F) {
	f.Add(uint8(14), []byte{255, 255, 2, 255})
	f.Add(uint8(13), []byte{255, 255, 255, 255, 255, 255, 3, 3, 255, 0, 1, 7, 8, 9})
	f.Add(uint8(8), []byte{128, 129, 130, 3, 131, 2, 132})
	f.Fuzz(func(t *testing.T, bits uint8, program []byte) {
		subnet := netip.PrefixFrom(netip.MustParseAddr("10.20.0.0"), 16+int(bits)%15)
		var steps []int
		for _, step := range program[:min(len(program), 300)] {
			if step >= 128 {
				steps = append(steps, -1)
			} else {
				steps = append(steps, int(step))
			}
		}
		compare(t, subnet, steps)
	})
}
