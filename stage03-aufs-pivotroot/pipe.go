package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Message is all that init is told. It travels as JSON through an anonymous
// pipe (pipe(7)) rather than on the command line: there everybody could read it
// in /proc, and whoever joins arguments with spaces cannot take them apart
// again.
type Message struct {
	Hostname string
	Root     string   // where the container's root file system is mounted on the host
	Command  []string // the program and its arguments, each exactly as the user gave it
	Debug    bool
}

// sendMessage writes message to init's pipe. Init goes on only when it has read
// all of it, so whatever must be in place before the user's program starts is
// done before this call.
//
//learn:exercise
func sendMessage(pipe io.Writer, message Message) error {
	if err := json.NewEncoder(pipe).Encode(message); err != nil {
		return fmt.Errorf("tell init what to run: %w", err)
	}
	return nil
}

// receiveMessage blocks until a whole message has arrived, however long it is. A pipe
// that closes before is an error: the sender has died, and nothing must run unwatched.
// So is a message without a command.
//
//learn:exercise
func receiveMessage(pipe io.Reader) (Message, error) {
	var message Message
	if err := json.NewDecoder(pipe).Decode(&message); err != nil {
		return Message{}, fmt.Errorf("read from the pipe what to run: %w", err)
	}
	if len(message.Command) == 0 {
		return Message{}, errors.New("read from the pipe what to run: no command")
	}
	return message, nil
}
