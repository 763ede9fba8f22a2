package engine

import (
	"bytes"
	"encoding/json"
	"time"
	"unicode/utf8"
)

// appendEntry appends a line of a log. Programs print megabytes: encoding/json,
// which looks at values by reflection, would be most of the work.
func appendEntry(line []byte, stream string, text []byte, when time.Time) []byte {
	line = append(line, `{"log":"`...)
	line = appendText(line, text)
	line = append(line, `","stream":"`...)
	line = append(line, stream...)
	line = append(line, `","time":"`...)
	line = when.AppendFormat(line, time.RFC3339Nano)
	return append(line, "\"}\n"...)
}

// appendText appends text as the inside of a JSON string. A byte that is no part
// of a character becomes U+FFFD, as Docker has it.
func appendText(line, text []byte) []byte {
	const hex = "0123456789abcdef"
	for start := 0; start < len(text); {
		b := text[start]
		if b >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(text[start:])
			line = utf8.AppendRune(line, r)
			start += size
			continue
		}
		end := start
		for end < len(text) && isPlain(text[end]) {
			end++
		}
		if end > start {
			line = append(line, text[start:end]...)
			start = end
			continue
		}
		switch b {
		case '"', '\\':
			line = append(line, '\\', b)
		case '\n':
			line = append(line, '\\', 'n')
		case '\r':
			line = append(line, '\\', 'r')
		case '\t':
			line = append(line, '\\', 't')
		default:
			line = append(line, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		}
		start++
	}
	return line
}

// isPlain reports whether a byte stands for itself in a JSON string.
func isPlain(b byte) bool { return b >= ' ' && b < 0x7f && b != '"' && b != '\\' }

// logEntry is a line of a log.
type logEntry struct {
	Log    string    `json:"log"`
	Stream string    `json:"stream"`
	Time   time.Time `json:"time"`
}

func parseEntry(line []byte) (logEntry, error) {
	var entry logEntry
	err := json.Unmarshal(line, &entry)
	return entry, err
}

// lineSplitter is an io.Writer that appends whole lines of a stream to a log, and
// parts of lines that are too long for one entry.
type lineSplitter struct {
	log    *logWriter
	stream string
	rest   []byte
	pieces [][]byte
}

func (s *lineSplitter) Write(content []byte) (int, error) {
	data := content
	if len(s.rest) > 0 {
		data = append(s.rest, content...)
	}
	s.pieces = s.pieces[:0]
	start := 0
	for start < len(data) {
		end := endOfPiece(data[start:])
		if end == 0 {
			break
		}
		s.pieces = append(s.pieces, data[start:start+end])
		start += end
	}
	if len(s.pieces) > 0 {
		s.log.write(s.stream, s.pieces...)
	}
	s.rest = append(s.rest[:0], data[start:]...)
	return len(content), nil
}

// finish appends a last line that has no end.
func (s *lineSplitter) finish() {
	if len(s.rest) > 0 {
		s.log.write(s.stream, s.rest)
		s.rest = s.rest[:0]
	}
}

// endOfPiece returns the length of the first entry's worth of data: a line with
// its newline, or maxLogLine bytes of one that is longer, not cut within a
// character. It is 0 if the line is not complete.
func endOfPiece(data []byte) int {
	head := data[:min(len(data), maxLogLine)]
	if newline := bytes.IndexByte(head, '\n'); newline >= 0 {
		return newline + 1
	}
	if len(data) < maxLogLine {
		return 0
	}
	end := maxLogLine
	for back := 1; back < utf8.UTFMax; back++ {
		if !utf8.RuneStart(head[maxLogLine-back]) {
			continue
		}
		if !utf8.FullRune(head[maxLogLine-back:]) {
			end = maxLogLine - back
		}
		break
	}
	return end
}
