package engine

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
)

// validName reports whether a container may be called name. Names are names of
// files: nothing else may come past here.
func validName(name string) bool {
	return len(name) >= 2 && len(name) <= 128 && isWord(rune(name[0])) && !strings.ContainsFunc(name, func(r rune) bool {
		return !isWord(r) && !strings.ContainsRune("_.-", r)
	})
}

// isWord reports whether r is a letter or a digit of ASCII. To build a regular expression
// for such checks would take longer than the whole of what a command checks.
func isWord(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

func checkName(name string) error {
	if !validName(name) {
		return fmt.Errorf("invalid container name %q: two or more of a-z A-Z 0-9 _ . - and a letter or digit first", name)
	}
	return nil
}

func validID(id string) bool {
	return len(id) == 64 && strings.Trim(id, "0123456789abcdef") == ""
}

// validHostname reports whether text is one or more labels of letters, digits and "-",
// which begin and end with none of that (hostname(7)).
func validHostname(text string) bool {
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool { return !isWord(r) && r != '-' }) {
			return false
		}
	}
	return len(text) <= 64
}

// newID returns a new random id: 64 hexadecimal digits.
func newID() string {
	random := make([]byte, 32)
	rand.Read(random) // never fails, see crypto/rand
	return hex.EncodeToString(random)
}

var (
	adjectives = []string{
		"able", "bold", "brisk", "calm", "clear", "deft", "eager", "fair", "fleet", "fond", "frank", "fresh", "glad", "hardy",
		"keen", "kind", "light", "lively", "lucid", "merry", "mild", "neat", "nimble", "plain", "proud", "quick", "quiet",
		"ready", "sharp", "sober", "spry", "steady", "stout", "sunny", "swift", "tidy", "true", "warm", "wise", "witty",
	}
	nouns = []string{
		"barge", "brig", "buoy", "canoe", "clipper", "coracle", "cutter", "dhow", "dinghy", "dory", "ferry", "frigate",
		"galley", "gondola", "jetty", "junk", "kayak", "ketch", "launch", "lighter", "lugger", "pier", "pilot", "pontoon",
		"punt", "quay", "raft", "schooner", "scow", "skiff", "sloop", "smack", "tender", "trawler", "tug", "wharf", "wherry", "yawl",
	}
)

// randomName returns a name for a container that was given none.
func randomName() string {
	return pick(adjectives) + "_" + pick(nouns) + "_" + newID()[:4]
}

func pick(words []string) string { return words[mathrand.IntN(len(words))] }
