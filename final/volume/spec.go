package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Prepare makes what a mount is of, if it is to be made: a volume, whose name is
// then in the mount, or a folder of the host. What must exist is looked for.
func (s *Store) Prepare(mount *Mount) error {
	switch mount.Kind {
	case Named:
		volume, err := s.Create(mount.Source, mount.Labels)
		if err != nil {
			return err
		}
		mount.Source = volume.Name
	case Bind:
		_, err := os.Stat(mount.Source)
		if errors.Is(err, fs.ErrNotExist) && mount.Create {
			err = os.MkdirAll(mount.Source, 0o755)
		} else if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("mount %s: it does not exist: make it, or use -v, which does", mount.Source)
		}
		if err != nil {
			return fmt.Errorf("mount %s: %w", mount.Source, err)
		}
	}
	return nil
}

// Spec returns a prepared mount as the runtime gets it. Programs of the host that
// are set-user-ID, and its devices, are nothing for a container.
func (s *Store) Spec(mount Mount) specs.Mount {
	made := specs.Mount{Destination: mount.Target, Source: mount.Source, Type: "bind"}
	switch mount.Kind {
	case Tmpfs:
		return tmpfsSpec(mount)
	case Named:
		made.Source = s.Path(mount.Source)
		made.Options = []string{"rbind", "nosuid", "nodev"}
	default:
		made.Options = []string{"rbind", "nosuid", "nodev"}
		if mount.Alone {
			made.Options[0] = "bind"
		}
	}
	if mount.ReadOnly {
		made.Options = append(made.Options, "ro")
	}
	return made
}

func tmpfsSpec(mount Mount) specs.Mount {
	made := specs.Mount{Destination: mount.Target, Source: "tmpfs", Type: "tmpfs", Options: []string{"nosuid", "nodev"}}
	mode := mount.Mode
	if mode == 0 {
		mode = 0o1777
	}
	made.Options = append(made.Options, fmt.Sprintf("mode=%o", mode))
	if mount.Size > 0 {
		made.Options = append(made.Options, fmt.Sprintf("size=%d", mount.Size))
	}
	if mount.ReadOnly {
		made.Options = append(made.Options, "ro")
	}
	made.Options = append(made.Options, "noexec")
	for _, option := range mount.Options {
		switch option {
		case "exec", "suid", "dev": // what is off by default
			made.Options = remove(made.Options, "no"+option)
		default:
			made.Options = append(remove(made.Options, option), option)
		}
	}
	return made
}

func remove(options []string, gone string) []string {
	var kept []string
	for _, option := range options {
		if option != gone {
			kept = append(kept, option)
		}
	}
	return kept
}
