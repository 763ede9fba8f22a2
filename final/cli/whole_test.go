package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func saying(text string) func(io.Writer) error {
	return func(out io.Writer) error { _, err := fmt.Fprint(out, text); return err }
}

func TestFileIsThereAsAWholeOrNotAtAll(t *testing.T) {
	for name, write := range map[string]func(string, func(io.Writer) error) error{"without a name": writeWhole, "beside": writeBeside} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, "saved.tar")

			require.NoError(t, write(path, saying("one")))
			require.NoError(t, write(path, saying("two")))
			require.Error(t, write(path, func(out io.Writer) error { return errors.Join(saying("half")(out), errors.New("no more")) }))

			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, "two", string(content))
			entries, err := os.ReadDir(folder)
			require.NoError(t, err)
			require.Len(t, entries, 1)
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		})
	}
}

// -o /dev/null must not put a file in the place of that.
func TestWhatIsNoOrdinaryFileIsWrittenTo(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	read := make(chan string)
	go func() {
		content, _ := os.ReadFile(pipe)
		read <- string(content)
	}()

	require.NoError(t, writeWhole(pipe, saying("through")))

	require.Equal(t, "through", <-read)
	info, err := os.Lstat(pipe)
	require.NoError(t, err)
	require.Equal(t, os.ModeNamedPipe, info.Mode().Type())
	require.Error(t, writeWhole(filepath.Join(t.TempDir(), "no", "folder"), saying("")))
}
