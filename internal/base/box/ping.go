package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ping asks a host for an echo: ping [-c COUNT] [-W SECONDS] [-q] HOST. It ends
// with 1 if none came.
func ping(args []string) error {
	flags := newFlags("ping")
	count := flags.IntP("count", "c", -1, "how often")
	seconds := flags.IntP("timeout", "W", 5, "how long to wait for an answer")
	quiet := flags.BoolP("quiet", "q", false, "print only the result")
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	address, err := net.ResolveIPAddr("ip4", flags.Arg(0))
	if err != nil {
		return err
	}
	socket, raw, err := echoSocket(time.Duration(*seconds) * time.Second)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	fmt.Printf("PING %s (%s)\n", flags.Arg(0), address)
	sent, received := 0, 0
	for ; sent != *count; sent++ {
		if sent > 0 {
			<-time.After(time.Second)
		}
		took, err := echo1(socket, raw, address, uint16(sent))
		switch {
		case err != nil:
			fmt.Fprintf(os.Stderr, "ping: %s: %v\n", address, err)
		default:
			received++
			if !*quiet {
				fmt.Printf("answer from %s: seq=%d time=%.3f ms\n", address, sent, float64(took.Microseconds())/1000)
			}
		}
	}
	fmt.Printf("%d sent, %d received\n", sent, received)
	if received == 0 {
		return exitStatus(1)
	}
	return nil
}

// echoSocket opens a ping socket, which needs no privilege where
// net.ipv4.ping_group_range allows it, or else a raw one (icmp(7)).
func echoSocket(limit time.Duration) (socket int, raw bool, err error) {
	socket, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err != nil {
		raw = true
		socket, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	}
	if err != nil {
		return 0, raw, err
	}
	wait := unix.NsecToTimeval(limit.Nanoseconds())
	return socket, raw, unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait)
}

// echo1 sends one echo request and waits for its reply.
func echo1(socket int, raw bool, address *net.IPAddr, number uint16) (time.Duration, error) {
	request := make([]byte, 64)
	request[0] = 8 // echo request, RFC 792
	binary.BigEndian.PutUint16(request[4:], uint16(os.Getpid()))
	binary.BigEndian.PutUint16(request[6:], number)
	binary.BigEndian.PutUint16(request[2:], checksum(request))
	target := &unix.SockaddrInet4{Addr: [4]byte(address.IP.To4())}
	begin := time.Now()
	if err := unix.Sendto(socket, request, 0, target); err != nil {
		return 0, err
	}
	for {
		reply := make([]byte, 1500)
		size, _, err := unix.Recvfrom(socket, reply, 0)
		if err != nil {
			return 0, err
		}
		reply = reply[:size]
		if raw && len(reply) > 20 {
			reply = reply[20:] // the IP header
		}
		if len(reply) >= 8 && reply[0] == 0 && binary.BigEndian.Uint16(reply[6:]) == number {
			return time.Since(begin), nil
		}
	}
}

// checksum is the Internet checksum, RFC 1071.
func checksum(data []byte) uint16 {
	sum := uint32(0)
	for index := 0; index+1 < len(data); index += 2 {
		sum += uint32(binary.BigEndian.Uint16(data[index:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
