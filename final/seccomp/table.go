package seccomp

import (
	"strconv"
	"strings"
	"sync"
)

// numbers returns the numbers of the system calls by their names. They are read when
// they are first asked for: most of the roles of our program never are.
var numbers = sync.OnceValue(func() map[string]int {
	read, next := make(map[string]int, 512), 0
	for word := range strings.FieldsSeq(table) {
		if number, jump := strings.CutPrefix(word, "@"); jump {
			next, _ = strconv.Atoi(number) // what is built in is right, a test says
			continue
		}
		read[word] = next
		next++
	}
	return read
})
