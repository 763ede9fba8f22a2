package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A few lines of HTTP/1.0 do for a test; net/http would double the box.

// wget fetches a page: wget [-q] [-O FILE|-] [-T SECONDS] http://HOST[:PORT]/PATH.
func wget(args []string) (err error) {
	flags := newFlags("wget")
	flags.BoolP("quiet", "q", false, "say nothing")
	name := flags.StringP("output-document", "O", "", "where to put it")
	seconds := flags.IntP("timeout", "T", 30, "how long to wait")
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	address, ok := strings.CutPrefix(flags.Arg(0), "http://")
	if !ok {
		if address = flags.Arg(0); strings.Contains(address, "://") {
			return fmt.Errorf("%s: only http:// is known", flags.Arg(0))
		}
	}
	host, page, _ := strings.Cut(address, "/")
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(host, "80")
	}
	target := os.Stdout
	if *name != "-" {
		if *name == "" {
			if *name = path.Base(page); page == "" || *name == "." {
				*name = "index.html"
			}
		}
		if target, err = os.Create(*name); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, target.Close()) }()
	}
	return get(host, "/"+page, time.Duration(*seconds)*time.Second, target)
}

func get(host, page string, limit time.Duration, target io.Writer) error {
	connection, err := net.DialTimeout("tcp", host, limit)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(connection, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", page, host); err != nil {
		return err
	}
	reader := bufio.NewReader(connection)
	status, err := reader.ReadString('\n')
	if err != nil {
		return fmt.Errorf("%s: no answer: %w", host, err)
	}
	for line := "header"; strings.TrimSpace(line) != ""; {
		if line, err = reader.ReadString('\n'); err != nil {
			return err
		}
	}
	if fields := strings.Fields(status); len(fields) < 2 || fields[1] != "200" {
		return fmt.Errorf("%s%s: %s", host, page, strings.TrimSpace(status))
	}
	_, err = io.Copy(target, reader)
	return err
}

// httpd serves the files of a folder: httpd [-p [ADDRESS:]PORT] [-h FOLDER]. It
// says when it is ready.
func httpd(args []string) error {
	flags := newFlags("httpd")
	port := flags.StringP("port", "p", "80", "where to listen")
	folder := flags.StringP("home", "h", ".", "what to serve")
	flags.BoolP("foreground", "f", false, "stay here, as it always does")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	address := *port
	if !strings.Contains(address, ":") {
		address = ":" + address
	}
	root, err := os.OpenRoot(*folder)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("listening on", listener.Addr())
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go serve(connection, root)
	}
}

func serve(connection net.Conn, root *os.Root) {
	defer connection.Close()
	reader := bufio.NewReader(io.LimitReader(connection, 64<<10))
	request, err := reader.ReadString('\n')
	for line := "header"; err == nil && strings.TrimSpace(line) != ""; {
		line, err = reader.ReadString('\n')
	}
	fields := strings.Fields(request)
	if err != nil || len(fields) < 2 || fields[0] != "GET" {
		fmt.Fprint(connection, "HTTP/1.0 400 Bad Request\r\n\r\n")
		return
	}
	name := filepath.Clean(strings.TrimLeft(fields[1], "/"))
	if info, err := root.Stat(name); err == nil && info.IsDir() {
		name = filepath.Join(name, "index.html")
	}
	content, err := root.ReadFile(name)
	if err != nil {
		fmt.Fprint(connection, "HTTP/1.0 404 Not Found\r\n\r\n")
		return
	}
	fmt.Fprintf(connection, "HTTP/1.0 200 OK\r\nContent-Length: %s\r\n\r\n%s", strconv.Itoa(len(content)), content)
}
