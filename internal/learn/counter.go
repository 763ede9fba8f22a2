package learn

import (
	"bytes"
	"regexp"
)

// counter keeps what tests print, and tells how many have ended.
type counter struct {
	bytes.Buffer
	tell  func(count int)
	count int
	line  int // where the last line begins that was not whole yet
}

var testEnds = regexp.MustCompile(`^--- (PASS|FAIL|SKIP): `)

func (c *counter) Write(text []byte) (int, error) {
	length, err := c.Buffer.Write(text)
	for {
		whole := bytes.IndexByte(c.Bytes()[c.line:], '\n')
		if whole < 0 {
			return length, err
		}
		if testEnds.Match(c.Bytes()[c.line : c.line+whole]) {
			c.count++
			c.tell(c.count)
		}
		c.line += whole + 1
	}
}
