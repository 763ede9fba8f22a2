package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
)

var networkApplets = map[string]applet{"ip": ip, "nc": nc, "ping": ping, "wget": wget, "httpd": httpd}

// ip shows interfaces, addresses and routes, as iproute2 prints them.
func ip(args []string) error {
	object := "addr"
	for _, word := range args[1:] {
		if !strings.HasPrefix(word, "-") {
			object = word
			break
		}
	}
	switch {
	case strings.HasPrefix("address", object):
		return showLinks(true)
	case strings.HasPrefix("link", object):
		return showLinks(false)
	case strings.HasPrefix("route", object):
		return showRoutes()
	default:
		return failure{2, fmt.Errorf("unknown object %q: addr, link or route", object)}
	}
}

func showLinks(addresses bool) error {
	links, err := netlink.LinkList()
	if err != nil {
		return err
	}
	for _, link := range links {
		attributes := link.Attrs()
		flags := strings.ToUpper(strings.ReplaceAll(attributes.Flags.String(), "|", ","))
		fmt.Printf("%d: %s: <%s> mtu %d state %s\n", attributes.Index, attributes.Name, flags, attributes.MTU,
			strings.ToUpper(attributes.OperState.String()))
		fmt.Printf("    link/%s %s\n", attributes.EncapType, attributes.HardwareAddr)
		if !addresses {
			continue
		}
		found, err := netlink.AddrList(link, netlink.FAMILY_ALL)
		if err != nil {
			return err
		}
		for _, address := range found {
			family := "inet"
			if address.IP.To4() == nil {
				family = "inet6"
			}
			fmt.Printf("    %s %s\n", family, address.IPNet)
		}
	}
	return nil
}

func showRoutes() error {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return err
	}
	for _, route := range routes {
		line := "default"
		if route.Dst != nil && route.Dst.String() != "0.0.0.0/0" {
			line = route.Dst.String()
		}
		if route.Gw != nil {
			line += " via " + route.Gw.String()
		}
		link, err := netlink.LinkByIndex(route.LinkIndex)
		if err != nil {
			return err
		}
		fmt.Println(line, "dev", link.Attrs().Name)
	}
	return nil
}

// nc connects standard input and output with a host, nc HOST PORT, or with the
// first that connects, nc -l -p PORT.
func nc(args []string) error {
	flags := newFlags("nc")
	listen := flags.BoolP("listen", "l", false, "wait for a connection")
	port := flags.StringP("port", "p", "", "on this port")
	udp := flags.BoolP("udp", "u", false, "UDP, not TCP")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	network := "tcp"
	if *udp {
		network = "udp"
	}
	var connection net.Conn
	var err error
	switch {
	case *listen && !*udp:
		connection, err = accept(*port)
	case flags.NArg() == 2:
		connection, err = net.Dial(network, net.JoinHostPort(flags.Arg(0), flags.Arg(1)))
	default:
		err = failure{2, errors.New("give HOST PORT, or -l -p PORT")}
	}
	if err != nil {
		return err
	}
	defer connection.Close()
	// Either side may be done before the other.
	sent := make(chan error)
	go func() {
		_, err := io.Copy(connection, os.Stdin)
		if half, ok := connection.(*net.TCPConn); ok && err == nil {
			err = half.CloseWrite()
		}
		sent <- err
	}()
	_, err = io.Copy(os.Stdout, connection)
	return errors.Join(err, <-sent)
}

func accept(port string) (net.Conn, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort("", port))
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	return listener.Accept()
}
