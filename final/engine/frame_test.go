package engine

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFramesArriveAsTheyWereSent(t *testing.T) {
	var stream bytes.Buffer
	sender := &frames{to: &stream}
	require.NoError(t, sender.send(frameInputEnd, nil))
	require.NoError(t, sender.sendJSON(frameExited, 7))
	long := bytes.Repeat([]byte("0123456789abcdef"), maxFrame/16*2+1)
	count, err := frameWriter{sender, frameOutput}.Write(long)
	require.NoError(t, err)
	require.Equal(t, len(long), count)

	kind, content, err := receive(&stream)
	require.NoError(t, err)
	require.Equal(t, byte(frameInputEnd), kind)
	require.Empty(t, content)
	kind, content, err = receive(&stream)
	require.NoError(t, err)
	require.Equal(t, byte(frameExited), kind)
	require.Equal(t, "7", string(content))
	var whole []byte
	for {
		kind, content, err := receive(&stream)
		if err == io.EOF { //nolint:errorlint // it is never wrapped
			break
		}
		require.NoError(t, err)
		require.Equal(t, byte(frameOutput), kind)
		whole = append(whole, content...)
	}
	require.True(t, bytes.Equal(long, whole))
}

func TestHalfAFrameIsNone(t *testing.T) {
	var stream bytes.Buffer
	require.NoError(t, (&frames{to: &stream}).send(frameInput, []byte("hello")))
	whole := stream.Bytes()
	for length := 1; length < len(whole); length++ {
		_, _, err := receive(bytes.NewReader(whole[:length]))

		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d bytes", length)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte("i\x00\x00\x00\x05hello"))
	f.Add([]byte("x\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		kind, content, err := receive(bytes.NewReader(stream))
		if err != nil {
			return
		}
		var again bytes.Buffer
		require.NoError(t, (&frames{to: &again}).send(kind, content))
		require.True(t, bytes.HasPrefix(stream, again.Bytes()))
	})
}
