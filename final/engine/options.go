package engine

import (
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"mytinydocker/final/volume"
)

// Options is what the user asks of a new container. What is empty is taken from
// the image, or is a default of ours.
type Options struct {
	Image      string
	Command    []string
	Name       string   // "" for a random one
	Entrypoint *string  // nil for the image's; a given one replaces it and its command
	Env        []string // NAME=VALUE, or NAME for the value that our caller has
	WorkingDir string
	User       string // name or id, with a :group or not
	Groups     []string
	Hostname   string // "" for the short id
	Labels     map[string]string
	Terminal   bool
	Stdin      bool
	AutoRemove bool // remove the container at its end

	StopSignal  string // "" for the image's, or SIGTERM
	StopTimeout *int   // in seconds until SIGKILL; -1 for ever, nil for ten
	Restart     Restart
	Limits      Limits
	Security    Security
	Userns      string // UsersOfHost, OwnUsers, or "" for the first
	Log         Log

	ReadOnly bool // the root file system
	Tmpfs    map[string]string
	Mounts   []volume.Mount
	Borrowed []string // containers whose volumes this one gets, too, NAME[:ro]
	ShmSize  int64    // of /dev/shm in bytes, 0 for 64 MiB
	Ulimits  []specs.POSIXRlimit
	Sysctls  map[string]string
	Devices  []Device
	Init     bool // a PID 1 of ours that reaps and passes signals on

	Network    Networking
	PublishAll bool     // publish the ports that the image exposes
	Expose     []string // further ones, PORT[/PROTOCOL]

	CIDFile string // a new file that gets the id
}

// Restart says when a container is started again that has ended by itself.
type Restart struct {
	Policy string `json:"policy"`        // no, on-failure, always or unless-stopped
	Max    int    `json:"max,omitempty"` // how often after a failure, 0 for any number
}

// Limits are what a container may use of the machine. Zero is no limit, but for
// the number of processes, which then is DefaultPids.
type Limits struct {
	Memory            int64   `json:"memory,omitempty"`     // in bytes
	MemorySwap        int64   `json:"memorySwap,omitempty"` // memory and swap together, -1 for any
	MemoryReservation int64   `json:"memoryReservation,omitempty"`
	CPUs              float64 `json:"cpus,omitempty"`
	CPUShares         uint64  `json:"cpuShares,omitempty"` // a weight; 1024 is that of the others
	CPUSet            string  `json:"cpuset,omitempty"`    // a list such as 0-2,7
	Pids              int64   `json:"pids,omitempty"`      // processes and threads, -1 for any number
}

// DefaultPids is how many processes and threads a container has unless it is asked
// otherwise: enough for everything but a fork bomb.
const DefaultPids = 2048

// Security is what a container may do beyond, or not up to, what is usual.
type Security struct {
	Privileged        bool     `json:"privileged,omitempty"`
	CapAdd            []string `json:"capAdd,omitempty"`
	CapDrop           []string `json:"capDrop,omitempty"`
	AllowNewPrivs     bool     `json:"allowNewPrivileges,omitempty"`
	SeccompUnconfined bool     `json:"seccompUnconfined,omitempty"`
	SeccompProfile    string   `json:"seccompProfile,omitempty"` // a profile's JSON
}

// Device is a device of the host that a container gets.
type Device struct {
	Host      string `json:"host"`
	Container string `json:"container"`
	Access    string `json:"access"` // of r, w and m
}

// defaultStopTimeout is how long a program has to end itself after the signal for
// that.
const defaultStopTimeout = 10 * time.Second
