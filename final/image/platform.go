package image

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/opencontainers/image-spec/specs-go/v1"
)

// parsePlatform parses OS[/ARCHITECTURE[/VARIANT]] or ARCHITECTURE, and takes "" for the machine
// that we run on.
func parsePlatform(text string) (v1.Platform, error) {
	own := v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
	if text == "" {
		return own, nil
	}
	elements := strings.Split(text, "/")
	for _, element := range elements {
		if !isComponent(element) {
			return own, fmt.Errorf("invalid platform %q: write it like linux/arm64 or linux/arm/v7", text)
		}
	}
	switch {
	case len(elements) == 1 && elements[0] == "linux":
		return own, nil
	case len(elements) == 1:
		own.Architecture = elements[0]
	case len(elements) == 2:
		own.OS, own.Architecture = elements[0], elements[1]
	case len(elements) == 3:
		own.OS, own.Architecture, own.Variant = elements[0], elements[1], elements[2]
	default:
		return own, fmt.Errorf("invalid platform %q: write it like linux/arm64 or linux/arm/v7", text)
	}
	return normal(own), nil
}

// normal writes the names by which some call an architecture as Go does.
func normal(platform v1.Platform) v1.Platform {
	switch platform.Architecture {
	case "x86_64", "x86-64":
		platform.Architecture = "amd64"
	case "aarch64":
		platform.Architecture = "arm64"
	}
	if platform.Architecture == "arm64" && platform.Variant == "v8" {
		platform.Variant = ""
	}
	return platform
}

// choose returns the manifest of an index that is for a platform. Without a variant
// the first one is taken: an index begins with what suits most.
func choose(index *document, platform v1.Platform) (v1.Descriptor, error) {
	var there []string
	for _, manifest := range index.Manifests {
		if manifest.Platform == nil {
			continue
		}
		has := normal(*manifest.Platform)
		if has.OS == platform.OS && has.Architecture == platform.Architecture && (platform.Variant == "" || has.Variant == platform.Variant) {
			return manifest, nil
		}
		if has.OS != "unknown" {
			there = append(there, format(has))
		}
	}
	if len(index.Manifests) == 1 && index.Manifests[0].Platform == nil {
		return index.Manifests[0], nil
	}
	if len(there) == 0 {
		return v1.Descriptor{}, errors.New("its index has no image that says what platform it is for")
	}
	return v1.Descriptor{}, fmt.Errorf("there is none for %s, but for %s: choose one with --platform", format(platform), strings.Join(there, ", "))
}

func format(platform v1.Platform) string {
	text := platform.OS + "/" + platform.Architecture
	if platform.Variant != "" {
		text += "/" + platform.Variant
	}
	return text
}
