package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
)

// The first addresses of a subnet and its last have a meaning of their own and are
// never handed out: 0 is the network itself, and the last one means everybody
// there (RFC 919). The gateway is our choice.
const gatewayIndex = 1

// Bitmap says which addresses of a subnet are taken, with one bit for each:
//
//	10.0.0.0/29       .7 .6 .5 .4 .3 .2 .1 .0
//	                   1  0  0  0  0  1  1  1    one byte; the lowest bit is the first address
//	                   |              |  |  the network
//	           broadcast     a container  the gateway
//
// A /24 has 32 bytes, a /8 has 2 MiB.
type Bitmap struct {
	subnet netip.Prefix
	taken  []byte
}

// NewBitmap returns the bitmap of a subnet in which no container has an address.
func NewBitmap(subnet netip.Prefix) *Bitmap {
	bitmap := &Bitmap{subnet: subnet, taken: make([]byte, bytesOf(subnet))}
	for _, index := range []int{0, gatewayIndex, sizeOf(subnet) - 1} {
		bitmap.taken[index/8] |= 1 << (index % 8)
	}
	return bitmap
}

// readBitmap returns a copy of a bitmap that has been kept. One that cannot be this
// subnet's is an error: without it nobody knows which addresses are taken.
func readBitmap(subnet netip.Prefix, content []byte) (*Bitmap, error) {
	empty := NewBitmap(subnet)
	if len(content) != len(empty.taken) {
		return nil, fmt.Errorf("the bitmap is damaged: %d bytes and not %d", len(content), len(empty.taken))
	}
	for index, reserved := range empty.taken {
		if content[index]&reserved != reserved {
			return nil, errors.New("the bitmap is damaged: it has the network, the gateway or the broadcast address free")
		}
	}
	copy(empty.taken, content)
	return empty, nil
}

// Allocate takes the lowest free address and returns it. That there is none is an error,
// which names the subnet, and the bitmap is as it was.
//
//learn:exercise
func (b *Bitmap) Allocate() (netip.Addr, error) {
	for position, taken := range b.taken {
		if taken == 0xff {
			continue // eight at once
		}
		bit := bits.TrailingZeros8(^taken)
		index := 8*position + bit
		if index >= sizeOf(b.subnet) {
			break // a /30 has four addresses, and four bits of its byte stand for none
		}
		b.taken[position] |= 1 << bit
		return addressAt(b.subnet, index), nil
	}
	return netip.Addr{}, fmt.Errorf("all addresses of %s are taken", b.subnet)
}

// Release gives an address back. One that is not in the subnet, is reserved (the
// network, the gateway and the last) or is free is an error, which names the address, and
// nothing has changed: whoever gives back what he does not have is wrong about something.
//
//learn:exercise
func (b *Bitmap) Release(address netip.Addr) error {
	if !b.subnet.Contains(address) {
		return fmt.Errorf("release the address %s: it is not in %s", address, b.subnet)
	}
	index := indexOf(b.subnet, address)
	if index <= gatewayIndex || index == sizeOf(b.subnet)-1 {
		return fmt.Errorf("release the address %s: it is reserved in %s", address, b.subnet)
	}
	bit := byte(1) << (index % 8)
	if b.taken[index/8]&bit == 0 {
		return fmt.Errorf("release the address %s: it is free", address)
	}
	b.taken[index/8] &^= bit
	return nil
}

// InUse reports whether an address is taken that is not reserved.
func (b *Bitmap) InUse() bool {
	count := 0
	for _, taken := range b.taken {
		count += bits.OnesCount8(taken)
	}
	return count > 3
}

// addressAt returns the address with a number in a subnet. An address is a number,
// too, of four bytes with the highest first; so the carry from one byte to the next
// is that of an addition.
//
//learn:exercise
func addressAt(subnet netip.Prefix, index int) netip.Addr {
	address := subnet.Addr().As4()
	number := binary.BigEndian.Uint32(address[:])
	binary.BigEndian.PutUint32(address[:], number+uint32(index))
	return netip.AddrFrom4(address)
}

// indexOf is the other way round: the number of an address in its subnet.
//
//learn:exercise
func indexOf(subnet netip.Prefix, address netip.Addr) int {
	first, this := subnet.Addr().As4(), address.As4()
	return int(binary.BigEndian.Uint32(this[:]) - binary.BigEndian.Uint32(first[:]))
}

// sizeOf returns how many addresses a subnet has.
func sizeOf(subnet netip.Prefix) int { return 1 << (32 - subnet.Bits()) }

// bytesOf returns how many bytes hold a bit for each of them.
func bytesOf(subnet netip.Prefix) int { return (sizeOf(subnet) + 7) / 8 }
