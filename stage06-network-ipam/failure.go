package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
)

// failure is what init says when it has failed. It has a pipe of its own for that:
// its standard error is the program's, and perhaps a log.
//
// Nobody sends a success. Init marks its end of the pipe close-on-exec, as it does
// all that it has open, so it is the kernel that closes it at the moment in which
// the program begins (execve(2)).
type failure struct {
	Code    int // exit status
	Message string
}

// sendFailure tells the parent why init has failed. What it returns ends init with
// nothing more to say.
func sendFailure(pipe io.Writer, err error) error {
	failed := failure{Code: exitToolFailed, Message: err.Error()}
	if exit := (*ExitError)(nil); errors.As(err, &exit) {
		failed.Code = exit.Code
	}
	if sent := json.NewEncoder(pipe).Encode(failed); sent != nil {
		return err // nobody listens
	}
	return &ExitError{Code: failed.Code}
}

// receiveFailure waits until the program has begun: then the pipe ends with nothing in
// it, and nil is returned. Or init has failed: then its failure is in the pipe, and is
// returned as an *ExitError with its code and message. Half a failure is another error.
//
//learn:exercise
func receiveFailure(pipe *os.File) error {
	var failed failure
	err := json.NewDecoder(pipe).Decode(&failed)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	return &ExitError{Code: failed.Code, Err: errors.New(failed.Message)}
}
