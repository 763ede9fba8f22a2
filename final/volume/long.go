package volume

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
)

// ParseMount parses the value of --mount: KEY=VALUE,... with type=bind, volume or
// tmpfs. Fields are quoted as in CSV. What is mounted from the host must exist.
func ParseMount(text string) (Mount, error) {
	mount, err := parseMount(text)
	if err != nil {
		return Mount{}, fmt.Errorf("invalid mount %q: %w", text, err)
	}
	return mount, nil
}

// kinds are the kinds of mount that a key is for; a key that is not here is for
// all.
func kinds(key string) []Kind {
	switch key {
	case "bind-propagation", "bind-recursive", "bind-nonrecursive":
		return []Kind{Bind}
	case "volume-nocopy", "volume-label", "volume-driver":
		return []Kind{Named}
	case "tmpfs-size", "tmpfs-mode":
		return []Kind{Tmpfs}
	case "source":
		return []Kind{Bind, Named}
	}
	return []Kind{Bind, Named, Tmpfs}
}

func parseMount(text string) (Mount, error) {
	mount := Mount{Kind: Named}
	if strings.ContainsAny(text, "\x00\n\r") {
		return mount, errors.New("it has a zero byte or a line break")
	}
	fields, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		return mount, errors.New("its quotes do not match, or it is empty: write it like type=volume,src=name,dst=/data")
	}
	said := make(map[string]bool)
	for _, field := range fields {
		key, value, given := strings.Cut(field, "=")
		key = spelled(key)
		if said[key] && key != "volume-label" {
			return mount, fmt.Errorf("%s is there twice", key)
		}
		said[key] = true
		if err := mount.set(key, value, given); err != nil {
			return mount, err
		}
	}
	for key := range said {
		if !slices.Contains(kinds(key), mount.Kind) {
			return mount, fmt.Errorf("%s is not for type=%s", key, mount.Kind)
		}
	}
	return mount, mount.complete()
}

// spelled returns the one name of a key that has several.
func spelled(key string) string {
	switch key = strings.ToLower(key); key {
	case "src":
		return "source"
	case "dst", "destination":
		return "target"
	case "ro":
		return "readonly"
	}
	return key
}

func (m *Mount) set(key, value string, given bool) (err error) {
	switch key {
	case "readonly", "volume-nocopy", "bind-nonrecursive":
		set := true
		if given {
			if set, err = strconv.ParseBool(value); err != nil {
				return fmt.Errorf("%s is true or false, and not %q", key, value)
			}
		}
		switch key {
		case "readonly":
			m.ReadOnly = set
		case "volume-nocopy":
			m.NoCopy = set
		default:
			m.Alone = set
		}
		return nil
	}
	if value == "" {
		return fmt.Errorf("%q has no value", key)
	}
	switch key {
	case "type":
		m.Kind = Kind(value)
		if !slices.Contains([]Kind{Bind, Named, Tmpfs}, m.Kind) {
			return fmt.Errorf("unknown type %q: bind, volume or tmpfs", value)
		}
	case "source":
		m.Source = value
	case "target":
		m.Target, err = target(value)
	case "consistency": // of Docker's virtual machines
	default:
		return m.setKind(key, value)
	}
	return err
}

// setKind sets what only one kind of mount has.
func (m *Mount) setKind(key, value string) (err error) {
	switch key {
	case "bind-propagation":
		return (&Mount{Kind: Bind}).propagate(value)
	case "bind-recursive":
		if value != "enabled" && value != "disabled" {
			return fmt.Errorf("bind-recursive is enabled or disabled, and not %q", value)
		}
		m.Alone = value == "disabled"
	case "volume-label":
		name, text, _ := strings.Cut(value, "=")
		if m.Labels == nil {
			m.Labels = make(map[string]string)
		}
		m.Labels[name] = text
	case "volume-driver":
		if value != "local" {
			return fmt.Errorf("unknown volume driver %q: there is only local", value)
		}
	case "tmpfs-size":
		m.Size, err = units.RAMInBytes(value)
		if err == nil && m.Size <= 0 {
			err = errors.New("it is nothing")
		}
		if err != nil {
			return fmt.Errorf("the size %q: %w", value, err)
		}
	case "tmpfs-mode":
		mode, err := strconv.ParseUint(value, 8, 12)
		if err != nil {
			return fmt.Errorf("%q is no mode like 1777", value)
		}
		m.Mode = os.FileMode(mode)
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return err
}

// complete checks what can only be said when all is known.
func (m *Mount) complete() (err error) {
	if m.Target == "" {
		return errors.New("it does not say where: add target=/PATH")
	}
	switch {
	case m.Kind == Bind && m.Source == "":
		return errors.New("it does not say what of the host: add source=PATH")
	case m.Kind == Bind:
		m.Source, err = filepath.Abs(m.Source)
	case m.Kind == Named && m.Source != "":
		err = checkName(m.Source)
	}
	return err
}

// ParseTmpfs parses the value of --tmpfs: TARGET[:OPTION[,OPTION...]], with the
// options of a tmpfs (tmpfs(5)) and the flags of mount(8).
func ParseTmpfs(text string) (Mount, error) {
	place, options, given := strings.Cut(text, ":")
	where, err := target(place)
	if err == nil && strings.ContainsRune(text, 0) {
		err = errors.New("it has a zero byte")
	}
	mount := Mount{Kind: Tmpfs, Target: where}
	if err == nil && given {
		err = mount.tmpfs(strings.Split(options, ","))
	}
	if err != nil {
		return Mount{}, fmt.Errorf("invalid tmpfs %q: %w", text, err)
	}
	return mount, nil
}

func (m *Mount) tmpfs(options []string) error {
	for _, option := range options {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "ro", "rw":
			m.ReadOnly = key == "ro"
		case "size", "mode":
			if err := m.setKind("tmpfs-"+key, value); err != nil {
				return err
			}
		case "uid", "gid", "nr_inodes":
			if _, err := strconv.ParseUint(value, 10, 32); err != nil {
				return fmt.Errorf("%s takes a number, and not %q", key, value)
			}
			m.Options = append(m.Options, option)
		case "exec", "noexec", "suid", "nosuid", "dev", "nodev", "noatime", "relatime", "strictatime":
			if value != "" {
				return fmt.Errorf("%s takes no value", key)
			}
			m.Options = append(m.Options, option)
		default:
			return fmt.Errorf("unknown option %q", option)
		}
	}
	return nil
}
