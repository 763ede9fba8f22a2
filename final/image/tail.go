package image

import "errors"

// tail remembers the end of what was written: that of a tar archive is two blocks
// of zeros, and one that was cut short does not have it.
type tail struct {
	size int64
	last [1024]byte
}

func (t *tail) Write(content []byte) (int, error) {
	t.size += int64(len(content))
	if count := len(content); count < len(t.last) {
		copy(t.last[:], t.last[count:])
		copy(t.last[len(t.last)-count:], content)
	} else {
		copy(t.last[:], content[count-len(t.last):])
	}
	return len(content), nil
}

func (t *tail) check() error {
	if t.size < int64(len(t.last)) || t.last != [1024]byte{} {
		return errors.New("the archive has no end: it was cut short, or is no tar archive")
	}
	return nil
}
