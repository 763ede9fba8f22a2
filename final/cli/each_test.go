package cli

import (
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// A container that is killed has some seconds to be gone; hundreds that end at the same
// time do not.
func TestNotTooManyAtOnce(t *testing.T) {
	names := make([]string, 3*atOnce)
	for index := range names {
		names[index] = fmt.Sprint(index)
	}
	synctest.Test(t, func(t *testing.T) {
		var begun atomic.Int32
		goOn, done := make(chan struct{}), make(chan error)
		go func() {
			done <- (&app{stdout: io.Discard}).each(names, "do", func(string) error {
				begun.Add(1)
				<-goOn
				return nil
			})
		}()

		synctest.Wait()
		require.EqualValues(t, atOnce, begun.Load())
		close(goOn)
		require.NoError(t, <-done)
		require.EqualValues(t, len(names), begun.Load())
	})
}
