package engine

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Inspection is all that is known of a container, in the shape that
// docker-inspect(1) gives it: scripts know it.
type Inspection struct {
	ID           string `json:"Id"`
	Name         string
	Created      string // as all times here, RFC 3339 to the nanosecond, in templates too
	Path         string
	Args         []string
	State        InspectedState
	Image        string
	RestartCount int
	Driver       string
	LogPath      string
	SizeRw       *int64 `json:",omitempty"`
	Config       InspectedConfig
	HostConfig   InspectedHostConfig

	// What its program has, and what that could get, under podman's names.
	EffectiveCaps, BoundingCaps []string

	NetworkSettings InspectedNetworks
}

// InspectedState is what a container does.
type InspectedState struct {
	Status                            Status
	Running, Paused, Restarting, Dead bool
	OOMKilled                         bool
	Pid, ExitCode                     int
	Error                             string
	StartedAt, FinishedAt             string
}

// InspectedConfig is what a container is, wherever it runs.
type InspectedConfig struct {
	Hostname, User, Image, WorkingDir, StopSignal string
	Tty, OpenStdin, StdinOnce                     bool
	Env, Cmd, Entrypoint                          []string
	Labels                                        map[string]string
	StopTimeout                                   int
}

// InspectedHostConfig is how a container runs on this machine.
type InspectedHostConfig struct {
	NetworkMode                                              string
	DNS                                                      []string `json:"Dns"`
	ExtraHosts                                               []string
	AutoRemove, Privileged, ReadonlyRootfs, Init             bool
	RestartPolicy                                            InspectedRestart
	LogConfig                                                InspectedLog
	Memory, MemorySwap, MemoryReservation, NanoCpus, ShmSize int64
	CPUShares                                                uint64 `json:"CpuShares"`
	CpusetCpus                                               string
	PidsLimit                                                int64
	CapAdd, CapDrop, GroupAdd, SecurityOpt                   []string
	MaskedPaths, ReadonlyPaths                               []string
	Tmpfs, Sysctls                                           map[string]string
	Ulimits                                                  []specs.POSIXRlimit
	Devices                                                  []Device
	UsernsMode                                               string
	IDMappings                                               *InspectedMappings `json:",omitempty"`
}

// InspectedMappings are a container's own users, INSIDE:OUTSIDE:COUNT, as podman has them.
type InspectedMappings struct {
	UIDMap []string `json:"UidMap"`
	GIDMap []string `json:"GidMap"`
}

// InspectedRestart is a restart policy.
type InspectedRestart struct {
	Name              string
	MaximumRetryCount int
}

// InspectedLog is how the output is kept.
type InspectedLog struct {
	Type   string
	Config map[string]any
}

// Inspect returns all that is known of a container. Its size takes a walk through
// what it has written.
func (e *Engine) Inspect(name string, size bool) (*Inspection, error) {
	container, err := e.Get(name)
	if err != nil {
		return nil, err
	}
	command := container.Command()
	found := &Inspection{
		ID: container.ID, Name: container.Name, Created: written(container.Created), State: stateOf(&container), Image: container.ImageID,
		RestartCount: container.RestartCount, Driver: driverOf(&container.Record).Name(),
		Config: configOf(&container.Record), HostConfig: hostConfigOf(&container.Record),
	}
	if found.EffectiveCaps, found.BoundingCaps, err = e.capabilitiesOf(&container.Record); err != nil {
		return nil, err
	}
	if found.NetworkSettings, err = e.networksOf(&container.Record); err != nil {
		return nil, err
	}
	if len(command) > 0 {
		found.Path, found.Args = command[0], command[1:]
	}
	if container.Log.Driver == LogJSON {
		found.LogPath = e.logPath(container.ID)
	}
	if size {
		written, err := e.Written(container.ID)
		if err != nil {
			return nil, err
		}
		found.SizeRw = &written
	}
	return found, nil
}

func written(moment time.Time) string { return moment.Format(time.RFC3339Nano) }

func stateOf(container *Container) InspectedState {
	state := InspectedState{
		Status: container.Status, Running: container.Status == Running || container.Status == Paused,
		Paused: container.Status == Paused, Restarting: container.Status == Restarting, Dead: container.Status == Damaged,
		Pid: container.Pid, StartedAt: written(container.Started), FinishedAt: written(time.Time{}),
	}
	if container.Exit != nil && !state.Running {
		state.ExitCode, state.Error, state.OOMKilled = container.Exit.Status, container.Exit.Error, container.Exit.OOMKilled
		state.FinishedAt = written(container.Exit.Finished)
	}
	return state
}

func configOf(record *Record) InspectedConfig {
	return InspectedConfig{
		Hostname: record.Hostname, User: record.User, Image: record.Image, WorkingDir: record.WorkingDir, StopSignal: record.StopSignal,
		Tty: record.Terminal, OpenStdin: record.Stdin, StdinOnce: record.StdinOnce,
		Env: record.Env, Cmd: record.Cmd, Entrypoint: record.Entrypoint, Labels: record.Labels, StopTimeout: record.StopTimeout,
	}
}

func hostConfigOf(record *Record) InspectedHostConfig {
	limits, security := &record.Limits, &record.Security
	config := InspectedHostConfig{
		NetworkMode: record.NetworkMode(), DNS: record.Network.Names.Servers, ExtraHosts: record.Network.Names.Hosts,
		AutoRemove: record.AutoRemove, Privileged: security.Privileged, ReadonlyRootfs: record.ReadOnly, Init: record.Init,
		RestartPolicy: InspectedRestart{record.Restart.Policy, record.Restart.Max},
		LogConfig:     InspectedLog{record.Log.Driver, map[string]any{}},
		Memory:        limits.Memory, MemorySwap: limits.MemorySwap, MemoryReservation: limits.MemoryReservation,
		NanoCpus: int64(limits.CPUs * 1e9), ShmSize: record.ShmSize, CPUShares: limits.CPUShares, CpusetCpus: limits.CPUSet,
		PidsLimit: limits.Pids, CapAdd: security.CapAdd, CapDrop: security.CapDrop, GroupAdd: record.Groups,
		Tmpfs: record.Tmpfs, Sysctls: record.Sysctls, Ulimits: record.Ulimits, Devices: record.Devices,
	}
	config.UsernsMode = UsersOfHost
	for _, mapping := range record.mappings() {
		text := []string{fmt.Sprintf("%d:%d:%d", mapping.ContainerID, mapping.HostID, mapping.Size)}
		config.UsernsMode, config.IDMappings = OwnUsers, &InspectedMappings{text, text}
	}
	if record.Log.MaxSize > 0 {
		config.LogConfig.Config["max-size"], config.LogConfig.Config["max-file"] = record.Log.MaxSize, max(1, record.Log.MaxFile)
	}
	if !security.AllowNewPrivs && !security.Privileged {
		config.SecurityOpt = append(config.SecurityOpt, "no-new-privileges")
	}
	if security.SeccompUnconfined || security.Privileged {
		config.SecurityOpt = append(config.SecurityOpt, "seccomp=unconfined")
	}
	if !security.Privileged {
		config.MaskedPaths, config.ReadonlyPaths = maskedPaths, readonlyPaths
	}
	return config
}

// capabilitiesOf are those that a container's program has, if it is root there, and those
// that it could get.
func (e *Engine) capabilitiesOf(record *Record) (effective, bounding []string, err error) {
	if bounding, err = grantedCapabilities(&record.Security); err != nil {
		return nil, nil, err
	}
	account, err := e.accountAtRest(record)
	if err != nil || account.Uid != 0 {
		return nil, bounding, nil //nolint:nilerr // a user that there is not has none
	}
	return bounding, bounding, nil
}

// Written returns how many bytes of the disk the container's own layer takes.
func (e *Engine) Written(id string) (int64, error) {
	return sizeOf(filepath.Join(e.folder(id), "upper"))
}
