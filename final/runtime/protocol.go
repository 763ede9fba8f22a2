package runtime

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Parent and init talk over a pair of connected stream sockets, of which init's
// end is file descriptor 3 and close-on-exec:
//
//	parent                                  init
//	  mounts (SCM_RIGHTS), if init cannot
//	  make them itself (given.go), each
//	  message with a space
//	  request (JSON), end of stream  ---->  everything init is to know
//	                                        ... sets up the container ...
//	                                 <----  reports: the steps, if the parent has a
//	                                        Log; the master of the terminal
//	                                        (SCM_RIGHTS); a step's failure
//	  end of stream                  <----  execve has closed it
//
// The roles that begin in C (orders.go) get their orders before the request.
//
// So a container has started when the stream ends without a failure, and an init
// that finds the stream at its end instead of a request runs nothing.
const ourSocket = 3

// filesInMessage is how many open files fit into one message (unix(7), SCM_RIGHTS).
const filesInMessage = 253

// socketPair returns the parent's end as a connection and init's as a file.
func socketPair() (*net.UnixConn, *os.File, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make the sockets to init: %w", err)
	}
	inits := os.NewFile(uintptr(pair[1]), "init's socket")
	conn, err := asConn(os.NewFile(uintptr(pair[0]), "parent's socket"))
	if err != nil {
		inits.Close()
		return nil, nil, err
	}
	return conn, inits, nil
}

// asConn makes file, which it closes, a connection that can pass files.
func asConn(file *os.File) (*net.UnixConn, error) {
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("use %s: %w", file.Name(), err)
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return nil, fmt.Errorf("use %s: it is no unix socket", file.Name())
	}
	return unixConn, nil
}

// receiveAll reads up to the end of the stream, and the open files that come with it.
func receiveAll(conn *net.UnixConn) (content []byte, files []int, err error) {
	buffer, rights := make([]byte, 1<<13), make([]byte, unix.CmsgSpace(4*filesInMessage))
	for {
		count, rightsCount, flags, _, err := conn.ReadMsgUnix(buffer, rights)
		switch {
		case errors.Is(err, io.EOF):
			return content, files, nil
		case err != nil:
			return nil, nil, err
		case flags&unix.MSG_CTRUNC != 0:
			return nil, nil, errors.New("an open file did not arrive: too many are open")
		}
		content = append(content, buffer[:count]...)
		if rightsCount > 0 {
			received, err := receivedFiles(rights[:rightsCount])
			if err != nil {
				return nil, nil, err
			}
			files = append(files, received...)
		}
	}
}

func receivedFiles(rights []byte) (files []int, err error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, err
	}
	for index := range messages {
		some, err := unix.ParseUnixRights(&messages[index])
		if err != nil {
			return nil, err
		}
		files = append(files, some...)
	}
	return files, nil
}
