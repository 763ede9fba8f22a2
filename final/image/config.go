package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/image-spec/specs-go/v1"
)

// configOf writes the configuration of a new image. What the parent's says beyond
// the standard stays in it.
func (s *Store) configOf(parent *Image, config v1.ImageConfig, added layer, options MakeOptions) ([]byte, error) {
	created := options.Created.UTC()
	if options.Created.IsZero() {
		created = time.Now().UTC()
	}
	image := parent.Config
	image.Created, image.Author, image.Config = &created, options.Author, config
	image.RootFS.DiffIDs = append(slices.Clone(image.RootFS.DiffIDs), added.diffID)
	image.History = append(slices.Clone(image.History), v1.History{
		Created: &created, CreatedBy: options.CreatedBy, Author: options.Author, Comment: options.Comment,
	})
	content, err := json.Marshal(image)
	if err != nil {
		return nil, err
	}
	return overlayJSON(parent.raw, content)
}

// overlayJSON returns the object under with the members that over has, and those
// of its member config likewise.
func overlayJSON(under, over []byte) ([]byte, error) {
	var all, added map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(under, &all), json.Unmarshal(over, &added)); err != nil {
		return nil, err
	}
	config := added["config"]
	if extra, err := extraConfig(all["config"], config); err != nil {
		return nil, err
	} else if extra != nil {
		config = extra
	}
	for key := range all {
		// These are of the build of the parent, not of this image.
		if slices.Contains([]string{"container", "container_config", "id", "parent", "author"}, strings.ToLower(key)) {
			delete(all, key)
		}
	}
	for key, value := range added {
		all[key] = value
	}
	all["config"] = config
	return json.Marshal(all)
}

// extraConfig adds to a configuration what another one has beyond the standard,
// like a health check.
func extraConfig(from, to json.RawMessage) (json.RawMessage, error) {
	if len(from) == 0 || bytes.Equal(from, []byte("null")) {
		return nil, nil
	}
	var all, config map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(from, &all), json.Unmarshal(to, &config)); err != nil {
		return nil, err
	}
	for _, key := range []string{"Healthcheck", "Shell", "OnBuild", "StopTimeout", "ArgsEscaped"} {
		if value, ok := all[key]; ok {
			config[key] = value
		}
	}
	return json.Marshal(config)
}
