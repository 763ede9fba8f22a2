package learn

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// quiet is how long nothing may be written before a check: an editor saves a file in
// several steps, and several files one after the other.
const quiet = 300 * time.Millisecond

// Watch checks at once, and again whenever a Go file of the current chapter has been
// saved, until the context ends.
func (w Workshop) Watch(ctx context.Context) error {
	folder, _, _, err := w.current()
	if err != nil {
		return err
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", folder, err)
	}
	defer func() { _ = watcher.Close() }() // the kernel forgets it
	if err := watcher.Add(w.folder(folder)); err != nil {
		return fmt.Errorf("watch %s: %w", folder, err)
	}
	return whenQuiet(ctx, watcher, func() error {
		w.say("\n%s", strings.Repeat("─", width))
		if err := w.Check(); err != nil || ctx.Err() != nil {
			return err
		}
		w.say("\nWaiting for %s/%s to be saved. Ctrl-C ends this.", work, folder)
		return nil
	})
}

// whenQuiet calls do at once, and after each burst of changes to Go files.
func whenQuiet(ctx context.Context, watcher *fsnotify.Watcher, do func() error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			if err := do(); err != nil {
				return err
			}
		case event, open := <-watcher.Events:
			if open && strings.HasSuffix(event.Name, ".go") && !event.Op.Has(fsnotify.Chmod) {
				timer.Reset(quiet)
			}
		case err := <-watcher.Errors:
			if err != nil {
				return fmt.Errorf("watch: %w", err)
			}
		}
	}
}
