package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Volume is a folder or a file of the host that a container sees as its own. What
// it writes there stays when the container goes.
type Volume struct {
	Source      string // on the host: absolute
	Destination string // in the container: absolute, and not "/"
	ReadOnly    bool
}

// parseVolume parses SOURCE:DESTINATION, with :ro or :rw behind it or nothing. Both are
// absolute paths without a NUL. The destination comes out clean, with no `..` in it. It
// is not the root of the container, nor in /proc, /sys or /dev, which are the kernel's.
// An error begins with `volume` and what the user has written.
//
//learn:exercise
func parseVolume(text string) (Volume, error) {
	parts := strings.Split(text, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return Volume{}, fmt.Errorf("volume %q: want SOURCE:DESTINATION or SOURCE:DESTINATION:ro", text)
	}
	volume := Volume{Source: parts[0], Destination: path.Clean(parts[1])}
	if len(parts) == 3 {
		if parts[2] != "ro" && parts[2] != "rw" {
			return Volume{}, fmt.Errorf("volume %q: the option is ro or rw", text)
		}
		volume.ReadOnly = parts[2] == "ro"
	}
	if !filepath.IsAbs(volume.Source) || !path.IsAbs(volume.Destination) || strings.Contains(text, "\x00") {
		return Volume{}, fmt.Errorf("volume %q: source and destination are absolute paths", text)
	}
	switch top, _, _ := strings.Cut(volume.Destination[1:], "/"); top {
	case "":
		return Volume{}, fmt.Errorf("volume %q: the root is the image's", text)
	case "proc", "sys", "dev":
		return Volume{}, fmt.Errorf("volume %q: /%s is the kernel's", text, top)
	}
	return volume, nil
}

// volumesOf parses all that a user asks for, and returns them in the order in which
// they can be mounted: what lies in another comes after it.
func volumesOf(texts []string) ([]Volume, error) {
	var volumes []Volume
	for _, text := range texts {
		volume, err := parseVolume(text)
		if err != nil {
			return nil, err
		}
		// A typing error is no wish for an empty folder.
		if _, err := os.Stat(volume.Source); err != nil {
			return nil, fmt.Errorf("volume %q: %w", text, errors.Unwrap(err))
		}
		volumes = append(volumes, volume)
	}
	slices.SortStableFunc(volumes, func(a, b Volume) int { return strings.Compare(a.Destination, b.Destination) })
	for index := range volumes[:max(len(volumes)-1, 0)] {
		if volumes[index].Destination == volumes[index+1].Destination {
			return nil, fmt.Errorf("two volumes for %s", volumes[index].Destination)
		}
	}
	return volumes, nil
}
