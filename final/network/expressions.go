package network

import (
	"net/netip"
	"strings"

	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// expressions returns the rule as a program of the kernel's: each expression loads
// something into a register, or compares what is in one, and the last is the verdict.
func (r *rule) expressions() []expr.Any {
	var program []expr.Any
	if r.in.given() {
		program = append(program, linkIs(expr.MetaKeyIIFNAME, r.in)...)
	}
	if r.out.given() {
		program = append(program, linkIs(expr.MetaKeyOIFNAME, r.out)...)
	}
	if r.from.given() {
		program = append(program, addressIs(12, r.from)...) // in the header of IPv4
	}
	if r.to.given() {
		program = append(program, addressIs(16, r.to)...)
	}
	if r.local {
		program = append(program,
			&expr.Fib{Register: 1, FlagDADDR: true, ResultADDRTYPE: true},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(unix.RTN_LOCAL)})
	}
	if r.protocol != "" {
		program = append(program,
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{protocolNumber(r.protocol)}},
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(r.port)})
	}
	if r.answer {
		program = append(program, flowHas(expr.CtKeySTATE, expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED)...)
	}
	if r.published {
		program = append(program, flowHas(expr.CtKeySTATUS, statusDNAT)...)
	}
	return append(append(program, &expr.Counter{}), r.end()...)
}

// statusDNAT is IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h.
const statusDNAT = 1 << 5

func (r *rule) end() []expr.Any {
	switch r.verdict {
	case drop:
		return []expr.Any{&expr.Verdict{Kind: expr.VerdictDrop}}
	case hide:
		return []expr.Any{&expr.Masq{}}
	case redirect:
		return []expr.Any{
			&expr.Immediate{Register: 1, Data: r.target.Addr().AsSlice()},
			&expr.Immediate{Register: 2, Data: binaryutil.BigEndian.PutUint16(r.target.Port())},
			&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegProtoMin: 2, Specified: true},
		}
	default:
		return []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}}
	}
}

func equal[T comparable](m match[T]) expr.CmpOp {
	if m.not {
		return expr.CmpOpNeq
	}
	return expr.CmpOpEq
}

// linkIs compares the name of a link: all 16 bytes of it, or those before the *.
func linkIs(key expr.MetaKey, link match[string]) []expr.Any {
	name, beginning := strings.CutSuffix(link.value, "*")
	data := make([]byte, unix.IFNAMSIZ)
	copy(data, name)
	if beginning {
		data = data[:len(name)]
	}
	return []expr.Any{&expr.Meta{Key: key, Register: 1}, &expr.Cmp{Op: equal(link), Register: 1, Data: data}}
}

func addressIs(offset uint32, subnet match[netip.Prefix]) []expr.Any {
	mask := ipNet(subnet.value).Mask
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		&expr.Cmp{Op: equal(subnet), Register: 1, Data: subnet.value.Masked().Addr().AsSlice()},
	}
}

// flowHas asks what the kernel remembers of the flow that a packet belongs to.
func flowHas(key expr.CtKey, bits uint32) []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: key, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(bits), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

func protocolNumber(protocol string) byte {
	if protocol == "udp" {
		return unix.IPPROTO_UDP
	}
	return unix.IPPROTO_TCP
}
