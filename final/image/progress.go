package image

import (
	"io"

	"github.com/opencontainers/go-digest"
)

// Event is a step of a transfer.
type Event struct {
	ID     string // of what is transferred: the beginning of a digest
	Action string // "Downloading", "Unpacking", "Pushing", "Done", "Already exists", "Waiting to try again"
	// Current of Total bytes are done; Total is 0 where nobody knows.
	Current, Total int64
}

// Progress hears of the steps of a transfer, from several goroutines at once. It is
// to return soon. A nil Progress hears nothing.
type Progress func(Event)

func (p Progress) say(id digest.Digest, action string, current, total int64) {
	if p != nil {
		p(Event{ID: short(id), Action: action, Current: current, Total: total})
	}
}

func short(id digest.Digest) string {
	encoded := id.Encoded()
	return encoded[:min(12, len(encoded))]
}

// observed tells of what is read.
type observed struct {
	io.Reader
	progress Progress
	id       digest.Digest
	action   string
	current  int64
	total    int64
}

func (o *observed) Read(buffer []byte) (int, error) {
	count, err := o.Reader.Read(buffer)
	o.current += int64(count)
	o.progress.say(o.id, o.action, o.current, o.total)
	return count, err
}
