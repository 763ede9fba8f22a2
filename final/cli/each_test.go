package cli

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A container that is killed has some seconds to be gone; hundreds that end at the same
// time do not.
func TestNotTooManyAtOnce(t *testing.T) {
	names := make([]string, 10*atOnce)
	for index := range names {
		names[index] = fmt.Sprint(index)
	}
	var now, most atomic.Int32
	full := make(chan struct{})
	reached := sync.OnceFunc(func() { close(full) })

	err := (&app{stdout: io.Discard}).each(names, "do", func(string) error {
		count := now.Add(1)
		defer now.Add(-1)
		for seen := most.Load(); count > seen && !most.CompareAndSwap(seen, count); seen = most.Load() {
		}
		if count == atOnce {
			reached()
		}
		<-full
		return nil
	})

	require.NoError(t, err)
	require.EqualValues(t, atOnce, most.Load())
}
