// Package volume keeps the data that outlives containers, and reads how people
// write what is to be mounted in one.
package volume

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// Kind is what is mounted.
type Kind string

// What can be mounted.
const (
	Bind  Kind = "bind"   // a folder or a file of the host
	Named Kind = "volume" // a volume, by its name or a new one without
	Tmpfs Kind = "tmpfs"  // memory
)

// Mount is something that is to be mounted in a container.
type Mount struct {
	Kind     Kind   `json:"kind"`
	Source   string `json:"source,omitempty"` // an absolute path, or the name of a volume, "" for a new one
	Target   string `json:"target"`           // absolute and clean, in the container
	ReadOnly bool   `json:"readOnly,omitempty"`

	// Create has a folder of the host made if it does not exist.
	Create bool `json:"create,omitempty"`
	// Alone leaves out what is mounted below a folder of the host.
	Alone bool `json:"alone,omitempty"`

	// NoCopy leaves a new volume empty, whatever the image has at its place.
	NoCopy bool              `json:"noCopy,omitempty"`
	Labels map[string]string `json:"labels,omitempty"` // of a volume that is made for this

	Size    int64       `json:"size,omitempty"`    // of a tmpfs, in bytes; 0 for half of the memory
	Mode    os.FileMode `json:"mode,omitempty"`    // of a tmpfs; 0 for 1777
	Options []string    `json:"options,omitempty"` // of a tmpfs, for mount(2)
}

// A volume's name is the name of a folder: nothing else may come past here.
var namePattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$`) })

// checkName refuses a name that no volume can have.
func checkName(name string) error {
	if !namePattern().MatchString(name) {
		return fmt.Errorf("invalid volume name %q: at most 255 of a-z A-Z 0-9 _ . - and a letter or digit first; a folder of the host begins with / or ./", name)
	}
	return nil
}

// Parse parses the value of -v: [SOURCE:]TARGET[:OPTION[,OPTION...]]. A source that
// begins with "/" or "." is a folder or a file of the host, made as a folder if it
// does not exist as Docker does, and any other the name of a volume; without one
// the volume is new and has no name. A relative path is one from where we are.
func Parse(text string) (Mount, error) {
	mount, err := parse(text)
	if err != nil {
		return Mount{}, fmt.Errorf("invalid volume %q: %w", text, err)
	}
	return mount, nil
}

func parse(text string) (mount Mount, err error) {
	if strings.ContainsRune(text, 0) {
		return mount, errors.New("it has a zero byte")
	}
	fields := strings.Split(text, ":")
	options := ""
	switch len(fields) {
	case 1:
		mount.Kind, mount.Target = Named, fields[0]
	case 2:
		mount.Source, mount.Target = fields[0], fields[1]
	case 3:
		mount.Source, mount.Target, options = fields[0], fields[1], fields[2]
	default:
		return mount, errors.New("too many colons: for a path with one use --mount")
	}
	if len(fields) > 1 {
		if err := mount.source(); err != nil {
			return mount, err
		}
	}
	if mount.Target, err = target(mount.Target); err != nil {
		return mount, err
	}
	if len(fields) == 3 {
		err = mount.options(strings.Split(options, ","))
	}
	return mount, err
}

func (m *Mount) source() error {
	switch {
	case m.Source == "":
		return errors.New("there is nothing before the colon")
	case m.Source[0] == '/' || m.Source == "." || m.Source == ".." || strings.HasPrefix(m.Source, "./") || strings.HasPrefix(m.Source, "../"):
		m.Kind, m.Create = Bind, true
		absolute, err := filepath.Abs(m.Source)
		m.Source = absolute
		return err
	default:
		m.Kind = Named
		return checkName(m.Source)
	}
}

// target returns where something is to be mounted.
func target(text string) (string, error) {
	if !path.IsAbs(text) {
		return "", fmt.Errorf("the place in the container, %q, is not absolute: begin it with /", text)
	}
	cleaned := path.Clean(text)
	if cleaned == "/" {
		return "", errors.New("the place in the container is its root: that is the image's")
	}
	return cleaned, nil
}

// options takes the third field of -v.
func (m *Mount) options(options []string) error {
	said := make(map[string]string)
	for _, option := range options {
		about, err := m.option(option)
		if err != nil {
			return err
		}
		if before, twice := said[about]; twice {
			return fmt.Errorf("%s and %s are about the same", before, option)
		}
		said[about] = option
	}
	return nil
}

// option takes one option, and returns what it is about.
func (m *Mount) option(option string) (about string, err error) {
	switch option {
	case "ro", "rw":
		m.ReadOnly = option == "ro"
		return "writing", nil
	case "nocopy":
		if m.Kind != Named {
			return "", errors.New("nocopy is for volumes")
		}
		m.NoCopy = true
		return "copying", nil
	case "z", "Z":
		return "labels", nil // of SELinux, which is not asked here
	case "cached", "delegated", "consistent":
		return "consistency", nil // of Docker's virtual machines
	}
	return "propagation", m.propagate(option)
}

// propagate takes the propagation of a mount (mount_namespaces(7)). All mounts of a
// container are its own: what is mounted later, there or on the host, stays there.
func (m *Mount) propagate(option string) error {
	switch option {
	case "private", "rprivate":
		if m.Kind != Bind {
			return fmt.Errorf("%s is for folders of the host", option)
		}
		return nil
	case "slave", "rslave", "shared", "rshared":
		return fmt.Errorf("%s is not supported: mounts of a container are private", option)
	}
	return fmt.Errorf("unknown option %q: ro, rw or nocopy", option)
}
