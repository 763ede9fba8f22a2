package main

import (
	"errors"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFailureTravelsWithItsExitStatus(t *testing.T) {
	for message, failed := range map[string]error{
		"no such thing": &ExitError{Code: 127, Err: errors.New("no such thing")},
		"disk on fire":  errors.New("disk on fire"),
	} {
		reader, writer, err := os.Pipe()
		require.NoError(t, err)
		silent := sendFailure(writer, failed)
		require.NoError(t, writer.Close())

		received := receiveFailure(reader)

		require.NoError(t, reader.Close())
		require.EqualError(t, received, message)
		want, exit := &ExitError{Code: exitToolFailed}, &ExitError{}
		errors.As(failed, &want)
		require.ErrorAs(t, received, &exit)
		require.Equal(t, want.Code, exit.Code)
		require.Equal(t, &ExitError{Code: want.Code}, silent, "init has said it once")
	}
}

func TestClosedPipeIsABeginning(t *testing.T) {
	for content, begun := range map[string]bool{"": true, `{"Code":12`: false} {
		reader, writer, err := os.Pipe()
		require.NoError(t, err)
		_, err = io.WriteString(writer, content)
		require.NoError(t, err)
		require.NoError(t, writer.Close())

		require.Equal(t, begun, receiveFailure(reader) == nil, content)
		require.NoError(t, reader.Close())
	}
}
