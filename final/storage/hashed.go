package storage

import (
	"hash"
	"io"
)

// hashed reads ahead, and hashes what it reads in a goroutine of its own: on two
// processors that takes no more time than the slower of reading and using it.
type hashed struct {
	hash   hash.Hash
	chunks chan chunk
	empty  chan []byte
	stop   chan struct{}
	done   chan struct{}
	now    chunk
	used   int
}

// chunk is a part of what was read, or the error that ended it.
type chunk struct {
	content []byte
	err     error
}

const (
	chunkSize   = 1 << 18
	chunksAhead = 8
)

func newHashed(source io.Reader, hash hash.Hash) *hashed {
	h := &hashed{
		hash: hash, chunks: make(chan chunk, chunksAhead), empty: make(chan []byte, chunksAhead+2),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	for range cap(h.empty) {
		h.empty <- make([]byte, chunkSize)
	}
	go h.read(source)
	return h
}

func (h *hashed) read(source io.Reader) {
	defer close(h.done)
	defer close(h.chunks)
	for {
		var buffer []byte
		select {
		case buffer = <-h.empty:
		case <-h.stop:
			return
		}
		count, err := source.Read(buffer)
		h.hash.Write(buffer[:count])
		select {
		case h.chunks <- chunk{buffer[:count], err}:
		case <-h.stop:
			return
		}
		if err != nil {
			return
		}
	}
}

// Read returns what was read ahead.
func (h *hashed) Read(buffer []byte) (int, error) {
	for h.used == len(h.now.content) {
		if h.now.err != nil {
			return 0, h.now.err
		}
		if h.now.content != nil {
			h.empty <- h.now.content[:chunkSize]
		}
		h.now, h.used = <-h.chunks, 0
	}
	count := copy(buffer, h.now.content[h.used:])
	h.used += count
	return count, nil
}

// sum ends the reading and returns the hash of all that was read.
func (h *hashed) sum() hash.Hash {
	close(h.stop)
	<-h.done
	return h.hash
}
