package runtime

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// A report is one byte that says what it is, the length of what follows, in four
// bytes, and that.
const (
	reportConsole = 'c' // carries the terminal's master, and is empty
	reportFailure = 'f' // a StartError as JSON; it is the last one
	reportStep    = 's' // an explain.Step as JSON
	reportPid     = 'p' // of the process that goes on, from enter.c

	reportHeader = 5
	reportLimit  = 1 << 20 // bytes; nothing that we have to say is as long
)

// errEnded is what is heard of a process that has not read all that it was told, or has not
// made the terminal that it was to make.
var errEnded = errors.New("the process of the container ended before its program ran: is a limit of memory or of processes too low?")

func sendReport(conn *net.UnixConn, kind byte, content, rights []byte) error {
	report := binary.NativeEndian.AppendUint32([]byte{kind}, uint32(len(content)))
	_, _, err := conn.WriteMsgUnix(append(report, content...), rights, nil)
	return err
}

func sendConsole(conn *net.UnixConn, master *os.File) error {
	if err := sendReport(conn, reportConsole, nil, unix.UnixRights(int(master.Fd()))); err != nil {
		return fmt.Errorf("hand over the terminal: %w", err)
	}
	return nil
}

func sendFailure(conn *net.UnixConn, failure *StartError) error {
	content, err := json.Marshal(failure)
	if err != nil {
		return err
	}
	return sendReport(conn, reportFailure, content, nil)
}

// reporter returns a Log that tells the parent, if that wants to know.
func reporter(conn *net.UnixConn, wanted bool) explain.Log {
	if !wanted {
		return nil
	}
	return func(step explain.Step) {
		// A parent that has gone ends us as well.
		if content, err := json.Marshal(step); err == nil {
			_ = sendReport(conn, reportStep, content, nil)
		}
	}
}

// receiveReports waits until the program runs or a step before it has failed, and
// returns the terminal's master if there is one. It tells log of the steps.
func receiveReports(conn *net.UnixConn, log explain.Log) (console *os.File, err error) {
	for {
		kind, content, rights, err := receiveReport(conn)
		switch {
		case errors.Is(err, io.EOF):
			return console, nil
		case errors.Is(err, unix.ECONNRESET):
			return console, errEnded
		case err != nil:
			return console, fmt.Errorf("hear from init: %w", err)
		case kind == reportConsole && console == nil:
			if console, err = receivedFile(rights); err != nil {
				return nil, err
			}
		case kind == reportStep && log != nil:
			var step explain.Step
			if err := json.Unmarshal(content, &step); err != nil {
				return console, fmt.Errorf("understand init: %w", err)
			}
			log(step)
		case kind == reportFailure:
			return console, understandFailure(content)
		default:
			return console, fmt.Errorf("hear from init: an unknown report %q", kind)
		}
	}
}

// receiveReport returns one report, or io.EOF if there is none left.
func receiveReport(conn *net.UnixConn) (kind byte, content, rights []byte, err error) {
	header := make([]byte, reportHeader)
	rights = make([]byte, unix.CmsgSpace(4))
	count, rightsCount, _, _, err := conn.ReadMsgUnix(header, rights)
	if err != nil {
		return 0, nil, nil, err
	}
	if count == 0 {
		return 0, nil, nil, io.EOF
	}
	if _, err := io.ReadFull(conn, header[count:]); err != nil {
		return 0, nil, nil, io.ErrUnexpectedEOF
	}
	length := binary.NativeEndian.Uint32(header[1:])
	if length > reportLimit {
		return 0, nil, nil, fmt.Errorf("a report of %d bytes", length)
	}
	content = make([]byte, length)
	if _, err := io.ReadFull(conn, content); err != nil {
		return 0, nil, nil, io.ErrUnexpectedEOF
	}
	return header[0], content, rights[:rightsCount], nil
}

func understandFailure(content []byte) error {
	var failure StartError
	if err := json.Unmarshal(content, &failure); err != nil {
		return fmt.Errorf("understand init: %w", err)
	}
	return &failure
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
