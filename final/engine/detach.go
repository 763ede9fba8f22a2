package engine

import (
	"bytes"
	"fmt"
	"strings"
)

// DefaultDetachKeys are what one types to leave a container running.
const DefaultDetachKeys = "ctrl-p,ctrl-q"

// ParseDetachKeys understands a list of keys such as "ctrl-p,ctrl-q" or "ctrl-a,d":
// each a character, or ctrl- and one of a-z @ [ \ ] ^ _.
func ParseDetachKeys(text string) ([]byte, error) {
	var keys []byte
	for key := range strings.SplitSeq(text, ",") {
		code, err := keyCode(key)
		if err != nil {
			return nil, fmt.Errorf("invalid keys for detaching %q: %w", text, err)
		}
		keys = append(keys, code)
	}
	return keys, nil
}

func keyCode(key string) (byte, error) {
	if len(key) == 1 && key[0] < 0x7f {
		return key[0], nil
	}
	control, ok := strings.CutPrefix(key, "ctrl-")
	if !ok || len(control) != 1 || !strings.ContainsAny(strings.ToLower(control), `abcdefghijklmnopqrstuvwxyz@[\]^_`) {
		return 0, fmt.Errorf("%q is no key: a character, or ctrl- and a letter", key)
	}
	return strings.ToUpper(control)[0] & 0x1f, nil
}

// detachScanner finds the keys for detaching in what is typed.
type detachScanner struct {
	keys  []byte
	begun int // how many of the keys have come
}

// scan returns what of the input is to be passed on, and whether all the keys have
// come. The keys themselves are kept back until it is clear that they are something
// else.
func (s *detachScanner) scan(input []byte) (pass []byte, detach bool) {
	if len(s.keys) == 0 {
		return input, false
	}
	for _, typed := range input {
		for typed != s.keys[s.begun] {
			if s.begun == 0 {
				pass = append(pass, typed)
				break
			}
			pass = append(pass, s.fallBack(typed)...)
		}
		if typed == s.keys[s.begun] {
			s.begun++
		}
		if s.begun == len(s.keys) {
			s.begun = 0
			return pass, true
		}
	}
	return pass, false
}

// fallBack gives up the shortest beginning of the keys that have come such that the
// rest, with what is typed, may still become the keys, and returns it.
func (s *detachScanner) fallBack(typed byte) []byte {
	for drop := 1; drop < s.begun; drop++ {
		left := s.begun - drop
		if bytes.Equal(s.keys[drop:s.begun], s.keys[:left]) && typed == s.keys[left] {
			s.begun = left
			return s.keys[:drop]
		}
	}
	all := s.keys[:s.begun]
	s.begun = 0
	return all
}
