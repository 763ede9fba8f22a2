package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/seccomp"
)

// request is all that init is told.
type request struct {
	Spec  specs.Spec // as far as it has fields in message
	Stdin bool       // whether standard input is a pipe to keep
	// Filter is the seccomp filter, if there is one, assembled by the parent.
	Filter *seccomp.Filter
	// Explain is whether the parent wants to hear of each step.
	Explain bool

	given []int // mounts, open files, for an init that has users of its own
}

// message is how a request is written: of the specification, what init uses. To learn
// how all the rest of it is written and read, which encoding/json does at the first time,
// would take both sides longer than anything else that they say to each other.
type message struct {
	Process    *specs.Process `json:"process"`
	Root       *specs.Root    `json:"root"`
	Hostname   string         `json:"hostname,omitempty"`
	Domainname string         `json:"domainname,omitempty"`
	Mounts     []specs.Mount  `json:"mounts,omitempty"`
	Linux      *settings      `json:"linux,omitempty"`

	Stdin   bool            `json:"stdin,omitempty"`
	Filter  *seccomp.Filter `json:"filter,omitempty"`
	Explain bool            `json:"explain,omitempty"`
}

// settings are those of specs.Linux that the parent has not seen to itself.
type settings struct {
	UIDMappings   []specs.LinuxIDMapping `json:"uidMappings,omitempty"`
	GIDMappings   []specs.LinuxIDMapping `json:"gidMappings,omitempty"`
	Namespaces    []specs.LinuxNamespace `json:"namespaces,omitempty"`
	Devices       []specs.LinuxDevice    `json:"devices,omitempty"`
	Sysctl        map[string]string      `json:"sysctl,omitempty"`
	MaskedPaths   []string               `json:"maskedPaths,omitempty"`
	ReadonlyPaths []string               `json:"readonlyPaths,omitempty"`
}

func (r request) message() message {
	written := message{
		Process: r.Spec.Process, Root: r.Spec.Root, Hostname: r.Spec.Hostname, Domainname: r.Spec.Domainname, Mounts: r.Spec.Mounts,
		Stdin: r.Stdin, Filter: r.Filter, Explain: r.Explain,
	}
	if linux := r.Spec.Linux; linux != nil {
		written.Linux = &settings{
			linux.UIDMappings, linux.GIDMappings, linux.Namespaces, linux.Devices, linux.Sysctl, linux.MaskedPaths, linux.ReadonlyPaths,
		}
	}
	return written
}

func (m message) request() request {
	read := request{
		Spec:  specs.Spec{Process: m.Process, Root: m.Root, Hostname: m.Hostname, Domainname: m.Domainname, Mounts: m.Mounts},
		Stdin: m.Stdin, Filter: m.Filter, Explain: m.Explain,
	}
	if linux := m.Linux; linux != nil {
		read.Spec.Linux = &specs.Linux{
			UIDMappings: linux.UIDMappings, GIDMappings: linux.GIDMappings, Namespaces: linux.Namespaces, Devices: linux.Devices,
			Sysctl: linux.Sysctl, MaskedPaths: linux.MaskedPaths, ReadonlyPaths: linux.ReadonlyPaths,
		}
	}
	return read
}

func sendRequest(conn *net.UnixConn, request request) error {
	for files := range slices.Chunk(request.given, filesInMessage) {
		if _, _, err := conn.WriteMsgUnix([]byte{' '}, unix.UnixRights(files...), nil); err != nil {
			return fmt.Errorf("give init its mounts: %w", err)
		}
	}
	if err := json.NewEncoder(conn).Encode(request.message()); err != nil {
		return fmt.Errorf("tell init what to run: %w", err)
	}
	if err := conn.CloseWrite(); err != nil {
		return fmt.Errorf("tell init what to run: %w", err)
	}
	return nil
}

// receiveRequest reads up to the end of the stream: only a parent that lives and
// has said everything ends it behind a whole request.
func receiveRequest(conn *net.UnixConn) (request, error) {
	var read message
	content, given, err := receiveAll(conn)
	if err != nil {
		return request{}, fmt.Errorf("read what to run: %w", err)
	}
	if len(content) == 0 {
		return request{}, errParentGone
	}
	if err := json.Unmarshal(content, &read); err != nil {
		return request{}, fmt.Errorf("read what to run: %w", err)
	}
	if read.Process == nil || read.Root == nil || len(read.Process.Args) == 0 {
		return request{}, errors.New("read what to run: the specification has no process or no root")
	}
	received := read.request()
	received.given = given
	return received, nil
}
