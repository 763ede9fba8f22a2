package image

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// attempts is how often something is tried that may work the next time.
const attempts = 5

// retry does something until it succeeds, fails in a way that would not change, or
// has failed often enough. It waits longer each time.
func (r Registries) retry(ctx context.Context, waiting func(), do func() error) error {
	wait := r.Patience
	if wait == 0 {
		wait = 500 * time.Millisecond
	}
	for left := attempts - 1; ; left-- {
		err := do()
		if err == nil || ctx.Err() != nil || isFinal(err) {
			return err
		}
		if left == 0 {
			return fmt.Errorf("tried %d times: %w", attempts, err)
		}
		waiting()
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
		wait *= 2
	}
}

// isFinal reports whether an error would come again.
func isFinal(err error) bool {
	if wrong := (WrongContentError{}); errors.As(err, &wrong) {
		return true
	}
	answer := (*transport.Error)(nil)
	if !errors.As(err, &answer) {
		return isUnreachable(err)
	}
	switch answer.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	}
	return answer.StatusCode < 500
}

// isUnreachable reports whether there was no way to the registry at all, rather than
// a connection that was lost.
func isUnreachable(err error) bool {
	dial := (*net.OpError)(nil)
	return errors.As(err, &dial) && dial.Op == "dial" && !dial.Timeout()
}

// explain says what to do about an answer of a registry.
func explain(err error, reference Reference) error {
	answer := (*transport.Error)(nil)
	if isUnreachable(err) {
		return fmt.Errorf("the registry cannot be reached: %w", err)
	}
	if !errors.As(err, &answer) {
		return err
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w: it does not exist, or needs a login: put that into ~/.docker/config.json (docker login)", err)
	case http.StatusNotFound:
		return fmt.Errorf("the registry has no %s: %w", reference, err)
	case http.StatusTooManyRequests:
		return fmt.Errorf("%w: the registry wants fewer requests: try again later, or log in", err)
	}
	return err
}
