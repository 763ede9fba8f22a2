package cgroup

import (
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A controller accounts for one kind of resource, and limits it.
type controller interface {
	// name is how the kernel calls it in a version.
	name(version int) string
	// asked reports whether resources say anything for it.
	asked(resources *specs.LinuxResources) bool
	// settings returns what to write where, in order, for the limits of a group.
	// They depend on those that it has now.
	settings(version int, group folder, resources *specs.LinuxResources) ([]setting, error)
}

// controllers are those with limits, in the order in which they are set. Devices are
// not among them: a group gets its rules once and for all.
func controllers() []controller { return []controller{cpuset{}, cpu{}, memory{}, pids{}, blockIO{}} }

// askedOf returns the controllers that resources say anything for.
func askedOf(resources *specs.LinuxResources) []controller {
	var asked []controller
	for _, controller := range controllers() {
		if resources != nil && controller.asked(resources) {
			asked = append(asked, controller)
		}
	}
	return asked
}

// setting is a file of a cgroup and what to write to it.
type setting struct{ file, value string }

// folder is the folder of a cgroup.
type folder string

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

// above is the folder of the cgroup that this one is in.
func (f folder) above() folder { return folder(filepath.Dir(string(f))) }

// has reports whether the kernel has a file for this cgroup.
func (f folder) has(name string) bool {
	_, err := os.Stat(f.path(name))
	return err == nil
}

// read returns the content of a file. The error names it.
func (f folder) read(name string) (string, error) {
	content, err := os.ReadFile(f.path(name))
	return string(content), err
}

// limit returns the limit that a file holds.
func (f folder) limit(name string) (uint64, error) { return parsed(f, name, parseLimit) }

// number returns the number that a file holds.
func (f folder) number(name string) (uint64, error) { return parsed(f, name, parseNumber) }

// values returns the numbers of a flat keyed file.
func (f folder) values(name string) (map[string]uint64, error) { return parsed(f, name, parseFlat) }

// parsed reads a file and understands it.
func parsed[T any](f folder, name string, parse func(string) (T, error)) (T, error) {
	text, err := f.read(name)
	if err != nil {
		var nothing T
		return nothing, err
	}
	value, err := parse(text)
	return value, inFile(f, name, err)
}
