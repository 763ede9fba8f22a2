package engine

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// A watcher and those who watch with it talk over a stream socket in frames: one
// byte that says what it is, four bytes with the length of the content, big endian,
// and the content.
//
//	client                             watcher
//	  hello   (JSON)          ---->    which streams the client wants
//	                          <----    step    (JSON), while the container is made
//	                          <----    started, or exited with an error
//	  input, inputEnd, resize ---->    for the container's program
//	  signal  (a number)      ---->
//	                          <----    output, errors
//	                          <----    exited  (JSON): how it ended; the last frame
//
// A client that closes its end has detached; the container goes on.
const (
	frameHello    = 'h'
	frameInput    = 'i'
	frameInputEnd = 'e'
	frameResize   = 'w'
	frameSignal   = 's'
	frameStep     = 'l'
	frameStarted  = 'S'
	frameOutput   = 'o'
	frameErrors   = 'r'
	frameExited   = 'x'
)

// maxFrame is the longest content of a frame, in bytes. A longer one is none of
// ours.
const maxFrame = 1 << 20

// frames writes frames to a connection. Several goroutines may.
type frames struct {
	mutex sync.Mutex
	to    io.Writer
}

// send writes one frame. Both parts go out in one write, so that two small frames
// are two small writes and not four.
func (f *frames) send(kind byte, content []byte) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	frame := make([]byte, 5, 5+len(content))
	frame[0] = kind
	binary.BigEndian.PutUint32(frame[1:], uint32(len(content)))
	_, err := f.to.Write(append(frame, content...))
	return err
}

func (f *frames) sendJSON(kind byte, value any) error {
	content, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return f.send(kind, content)
}

// frameWriter is an io.Writer whose every write is a frame of one kind.
type frameWriter struct {
	frames *frames
	kind   byte
}

func (w frameWriter) Write(content []byte) (int, error) {
	for sent := 0; sent < len(content); {
		part := content[sent:min(len(content), sent+maxFrame)]
		if err := w.frames.send(w.kind, part); err != nil {
			return sent, err
		}
		sent += len(part)
	}
	return len(content), nil
}

// receive reads one frame. At the end of the stream the error is io.EOF, within a
// frame io.ErrUnexpectedEOF.
func receive(from io.Reader) (kind byte, content []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(head[1:])
	if length > maxFrame {
		return 0, nil, fmt.Errorf("receive a frame of %d bytes: too long", length)
	}
	content = make([]byte, length)
	if _, err := io.ReadFull(from, content); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return head[0], content, nil
}
