package engine

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"regexp"
	"sync"
)

var namePattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)
})

// validName reports whether a container may be called name. Names are names of
// files: nothing else may come past here.
func validName(name string) bool {
	return len(name) <= 128 && namePattern().MatchString(name)
}

func checkName(name string) error {
	if !validName(name) {
		return fmt.Errorf("invalid container name %q: two or more of a-z A-Z 0-9 _ . - and a letter or digit first", name)
	}
	return nil
}

var idPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{64}$`) })

func validID(id string) bool { return idPattern().MatchString(id) }

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
