package vm

import (
	"bytes"
	"sync"
)

// tail keeps the end of what is written to it.
type tail struct {
	mutex sync.Mutex
	kept  []byte
}

// enough for a panic with its call trace.
const enough = 6 << 10

func (t *tail) Write(data []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.kept = append(t.kept, data...)
	t.kept = t.kept[max(len(t.kept)-enough, 0):]
	return len(data), nil
}

// String returns whole lines, as a terminal's user can read them.
func (t *tail) String() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	text := bytes.ReplaceAll(t.kept, []byte("\r"), nil)
	if _, rest, cut := bytes.Cut(text, []byte("\n")); cut && len(t.kept) == enough {
		text = rest
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return "(nothing)"
	}
	return string(text)
}
