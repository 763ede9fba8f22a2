package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/image-spec/specs-go/v1"
)

const instructions = "CMD ENTRYPOINT ENV EXPOSE LABEL STOPSIGNAL USER VOLUME WORKDIR"

// change applies an instruction of a Dockerfile that is about how a container
// starts.
func change(config *v1.ImageConfig, instruction, text string) (err error) {
	switch strings.ToUpper(instruction) {
	case "CMD":
		config.Cmd, err = commandOf(text)
	case "ENTRYPOINT":
		config.Entrypoint, err = commandOf(text)
	case "ENV":
		err = changeEnv(config, text)
	case "EXPOSE":
		err = changePorts(config, text)
	case "LABEL":
		err = changeLabels(config, text)
	case "STOPSIGNAL":
		err = changeWord(&config.StopSignal, text)
	case "USER":
		err = changeWord(&config.User, text)
	case "VOLUME":
		err = changeVolumes(config, text)
	case "WORKDIR":
		err = changeFolder(config, text)
	default:
		err = errors.New("unknown instruction: one of " + instructions)
	}
	return err
}

// Change returns a configuration with changes, each an instruction as in a
// Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR or
// STOPSIGNAL. The configuration that is given stays as it is.
func Change(config v1.ImageConfig, changes []string) (v1.ImageConfig, error) {
	config.Env = slices.Clone(config.Env)
	config.Labels = maps.Clone(config.Labels)
	config.ExposedPorts = maps.Clone(config.ExposedPorts)
	config.Volumes = maps.Clone(config.Volumes)
	for _, line := range changes {
		instruction, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		text = strings.TrimSpace(text)
		err := errors.New("give its value, on one line")
		if text != "" && !strings.ContainsAny(text, "\x00\n") {
			err = change(&config, instruction, text)
		}
		if err != nil {
			return config, fmt.Errorf("change %q: %w", line, err)
		}
	}
	return config, nil
}

// commandOf takes a JSON array for a program and its arguments, and all else for a
// line of a shell.
func commandOf(text string) ([]string, error) {
	if !strings.HasPrefix(text, "[") {
		return []string{"/bin/sh", "-c", text}, nil
	}
	return listOf(text)
}

func listOf(text string) ([]string, error) {
	list := []string{}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, errors.New(`it is no list like ["a", "b"]`)
	}
	return list, nil
}

func changeWord(word *string, text string) error {
	words, err := wordsOf(text)
	if err == nil && len(words) != 1 {
		err = errors.New("it takes one word")
	}
	if err == nil {
		*word = words[0]
	}
	return err
}

func changeFolder(config *v1.ImageConfig, text string) error {
	var folder string
	if err := changeWord(&folder, text); err != nil {
		return err
	}
	if !path.IsAbs(folder) {
		folder = path.Join("/", config.WorkingDir, folder)
	}
	config.WorkingDir = path.Clean(folder)
	return nil
}

func changeEnv(config *v1.ImageConfig, text string) error {
	return changePairs(text, func(key, value string) {
		config.Env = slices.DeleteFunc(config.Env, func(entry string) bool { return strings.HasPrefix(entry, key+"=") })
		config.Env = append(config.Env, key+"="+value)
	})
}

func changeLabels(config *v1.ImageConfig, text string) error {
	if config.Labels == nil {
		config.Labels = make(map[string]string)
	}
	return changePairs(text, func(key, value string) { config.Labels[key] = value })
}

// changePairs takes KEY=VALUE..., or KEY and then all the rest for the value.
func changePairs(text string, set func(key, value string)) error {
	first, rest, _ := strings.Cut(text, " ")
	if !strings.Contains(first, "=") {
		if strings.TrimSpace(rest) == "" {
			return errors.New("it takes KEY=VALUE")
		}
		set(first, strings.TrimSpace(rest))
		return nil
	}
	words, err := wordsOf(text)
	if err != nil {
		return err
	}
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if !ok || key == "" {
			return fmt.Errorf("%q is not KEY=VALUE", word)
		}
		set(key, value)
	}
	return nil
}

func changeVolumes(config *v1.ImageConfig, text string) error {
	list, err := listOf(text)
	if !strings.HasPrefix(text, "[") {
		list, err = wordsOf(text)
	}
	if err != nil {
		return err
	}
	if config.Volumes == nil {
		config.Volumes = make(map[string]struct{})
	}
	for _, volume := range list {
		if !path.IsAbs(volume) || path.Clean(volume) == "/" {
			return fmt.Errorf("%q is no absolute path of a folder", volume)
		}
		config.Volumes[path.Clean(volume)] = struct{}{}
	}
	return nil
}
