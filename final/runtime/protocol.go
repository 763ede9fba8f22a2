package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Parent and init talk over a pair of connected stream sockets, of which init's
// end is file descriptor 3 and close-on-exec:
//
//	parent                                  init
//	  request (JSON), end of stream  ---->  everything init is to know
//	                                        ... sets up the container ...
//	                                 <----  'c' and the master of the terminal,
//	                                        if there is one (SCM_RIGHTS)
//	                                 <----  failure (JSON), if a step failed,
//	  end of stream                  <----  or nothing: execve has closed it
//
// So a container has started when the stream ends without a failure, and an init
// that finds the stream at its end instead of a request runs nothing.
const initSocket = 3

// request is all that init is told.
type request struct {
	Spec  specs.Spec `json:"spec"`
	Stdin bool       `json:"stdin"` // whether standard input is a pipe to keep
}

// report is what init has to say: one byte, and what belongs to it.
const (
	reportConsole = 'c' // carries the terminal's master
	reportFailure = 'f' // a StartError as JSON follows
)

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

func sendRequest(conn *net.UnixConn, request request) error {
	if err := json.NewEncoder(conn).Encode(request); err != nil {
		return fmt.Errorf("tell init what to run: %w", err)
	}
	if err := conn.CloseWrite(); err != nil {
		return fmt.Errorf("tell init what to run: %w", err)
	}
	return nil
}

// receiveRequest reads up to the end of the stream: only a parent that lives and
// has said everything ends it behind a whole request.
func receiveRequest(conn *net.UnixConn) (request, error) {
	var received request
	content, err := io.ReadAll(conn)
	if err != nil {
		return request{}, fmt.Errorf("read what to run: %w", err)
	}
	if len(content) == 0 {
		return request{}, errParentGone
	}
	if err := json.Unmarshal(content, &received); err != nil {
		return request{}, fmt.Errorf("read what to run: %w", err)
	}
	if received.Spec.Process == nil || received.Spec.Root == nil || len(received.Spec.Process.Args) == 0 {
		return request{}, errors.New("read what to run: the specification has no process or no root")
	}
	return received, nil
}

func sendConsole(conn *net.UnixConn, master *os.File) error {
	rights := unix.UnixRights(int(master.Fd()))
	if _, _, err := conn.WriteMsgUnix([]byte{reportConsole}, rights, nil); err != nil {
		return fmt.Errorf("hand over the terminal: %w", err)
	}
	return nil
}

func sendFailure(conn *net.UnixConn, failure *StartError) error {
	content, err := json.Marshal(failure)
	if err != nil {
		return err
	}
	_, err = conn.Write(append([]byte{reportFailure}, content...))
	return err
}

// receiveReports waits until init has become the program or has failed, and
// returns the terminal's master if init has sent one.
func receiveReports(conn *net.UnixConn) (console *os.File, err error) {
	content := make([]byte, 4096)
	rights := make([]byte, unix.CmsgSpace(4))
	count, rightsCount, _, _, err := conn.ReadMsgUnix(content, rights)
	if err == nil && count > 0 && content[0] == reportConsole {
		if console, err = receivedFile(rights[:rightsCount]); err != nil {
			return nil, err
		}
		count, err = conn.Read(content)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return console, fmt.Errorf("hear from init: %w", err)
	}
	if count == 0 {
		return console, nil
	}
	rest, err := io.ReadAll(conn)
	if err != nil {
		return console, fmt.Errorf("hear from init: %w", err)
	}
	var failure StartError
	if err := json.Unmarshal(append(content[1:count], rest...), &failure); err != nil {
		return console, fmt.Errorf("understand init: %w", err)
	}
	return console, &failure
}

func receivedFile(rights []byte) (*os.File, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		return nil, fmt.Errorf("receive the terminal: %d messages: %w", len(messages), err)
	}
	descriptors, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(descriptors) != 1 {
		return nil, fmt.Errorf("receive the terminal: %d descriptors: %w", len(descriptors), err)
	}
	unix.CloseOnExec(descriptors[0])
	// Nonblocking, so that a read can be ended by closing the file.
	if err := unix.SetNonblock(descriptors[0], true); err != nil {
		return nil, fmt.Errorf("receive the terminal: %w", err)
	}
	return os.NewFile(uintptr(descriptors[0]), "terminal"), nil
}
