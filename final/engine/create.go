package engine

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"mytinydocker/final/image"
	"mytinydocker/final/storage"
)

// newRecord makes a record of what the user asks and what the image says, and
// refuses what makes no sense.
func newRecord(options Options, image *image.Image) (*Record, error) {
	config := &image.Config.Config
	record := &Record{
		ID: newID(), Created: time.Now().UTC(), Image: image.Reference.String(), ImageID: image.ID.String(),
		User: or(options.User, config.User), Groups: options.Groups,
		WorkingDir: or(options.WorkingDir, config.WorkingDir, "/"),
		Terminal:   options.Terminal, Stdin: options.Stdin, AutoRemove: options.AutoRemove,
		StopSignal: or(options.StopSignal, config.StopSignal, "SIGTERM"), StopTimeout: int(defaultStopTimeout.Seconds()),
		Restart: options.Restart, Limits: options.Limits, Security: options.Security, Log: options.Log,
		ReadOnly: options.ReadOnly, Tmpfs: options.Tmpfs, ShmSize: options.ShmSize, Ulimits: options.Ulimits,
		Sysctls: options.Sysctls, Devices: options.Devices, Init: options.Init,
	}
	record.Name = or(options.Name, randomName())
	record.Hostname = or(options.Hostname, record.ShortID())
	if options.StopTimeout != nil {
		record.StopTimeout = *options.StopTimeout
	}
	record.Mounts = options.Mounts
	for _, layer := range image.Layers() {
		record.Layers = append(record.Layers, layer.String())
	}
	record.Labels = maps.Clone(config.Labels)
	if record.Labels == nil {
		record.Labels = make(map[string]string)
	}
	maps.Copy(record.Labels, options.Labels)
	var err error
	if record.Users, err = ownUsers(options.Userns); err != nil {
		return nil, err
	}
	if record.Entrypoint, record.Cmd, err = commandOf(options, image); err != nil {
		return nil, err
	}
	if record.Env, err = environment(config.Env, options.Env, record); err != nil {
		return nil, err
	}
	record.setDefaults()
	if err := record.setNetwork(options, config); err != nil {
		return nil, err
	}
	return record, record.check()
}

// or returns the first of the values that is not empty.
func or(values ...string) string { return cmp.Or(values...) }

// setDefaults fills in what a record must have and nobody has asked for.
func (r *Record) setDefaults() {
	if r.Restart.Policy == "" {
		r.Restart.Policy = RestartNever
	}
	if r.Log.Driver == "" {
		r.Log.Driver = LogJSON
	}
	if r.ShmSize == 0 {
		r.ShmSize = 64 << 20
	}
	if r.Limits.Pids == 0 {
		r.Limits.Pids = DefaultPids
	}
}

// commandOf is the image's entry point and the command of the user or else of the
// image. An entry point of the user's has nothing to do with the image's command.
func commandOf(options Options, image *image.Image) (entrypoint, cmd []string, err error) {
	entrypoint, cmd = image.Config.Config.Entrypoint, image.Config.Config.Cmd
	if options.Entrypoint != nil {
		entrypoint, cmd = nil, nil
		if *options.Entrypoint != "" {
			entrypoint = []string{*options.Entrypoint}
		}
	}
	if len(options.Command) > 0 {
		cmd = options.Command
	}
	if len(entrypoint)+len(cmd) == 0 {
		return nil, nil, fmt.Errorf("the image %s does not say what to run: give a command", image.Reference)
	}
	return entrypoint, cmd, nil
}

func (r *Record) check() error {
	if err := checkName(r.Name); err != nil {
		return err
	}
	if !validHostname(r.Hostname) {
		return fmt.Errorf("invalid host name %q: at most 64 letters, digits, dots and hyphens", r.Hostname)
	}
	if !filepath.IsAbs(r.WorkingDir) {
		return fmt.Errorf("the working folder %q is not absolute: begin it with /", r.WorkingDir)
	}
	if _, err := ParseSignal(r.StopSignal); err != nil {
		return err
	}
	for name := range r.Sysctls {
		if strings.HasPrefix(name, "net.") && len(networkNamespace(r)) == 0 {
			return fmt.Errorf("the setting %s is not the container's own, but that of whose network it has", name)
		}
	}
	if r.AutoRemove && r.Restart.Policy != RestartNever {
		return fmt.Errorf("--rm and --restart %s contradict each other: give one of them", r.Restart.Policy)
	}
	if _, err := seccompOf(&r.Security); err != nil {
		return err
	}
	if _, err := grantedCapabilities(&r.Security); err != nil {
		return err
	}
	if err := r.Network.check(); err != nil {
		return err
	}
	if err := r.checkUsers(); err != nil {
		return err
	}
	return r.Limits.check()
}

// create makes the folders of a container whose lock we hold, and its record
// last. A container without a record is one that nobody has.
func (e *Engine) create(record *Record, image *image.Image) error {
	record.Driver = e.layers.Driver.Name()
	if err := record.checkUsers(); err != nil {
		return err
	}
	layers, err := e.ensureLayers(image)
	if err != nil {
		return err
	}
	folder := e.folder(record.ID)
	for _, name := range []string{"", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o700); err != nil {
			return fmt.Errorf("make the container's folder: %w", err)
		}
	}
	if err := likeRoot(filepath.Join(folder, "upper"), layers[len(layers)-1]); err != nil {
		return err
	}
	if err := e.writeNetworkFiles(record); err != nil {
		return err
	}
	if err := e.claimName(record); err != nil {
		return err
	}
	if err := e.prepareMounts(record, image); err != nil {
		return err
	}
	if err := e.recordNew(record); err != nil {
		return errors.Join(err, e.removeAnonymous(record))
	}
	return e.forgetIntendedVolumes(record.ID)
}

// ensureLayers returns the folders of the image's layers, from the lowest up.
func (e *Engine) ensureLayers(image *image.Image) ([]string, error) {
	folders, err := e.images.Unpack(image)
	if err != nil {
		return nil, err
	}
	if len(folders) == 0 {
		return nil, fmt.Errorf("the image %s has no layers", image.Reference)
	}
	return folders, nil
}

// likeRoot gives upper, which will be the root folder of the container, the mode
// and the owner of the image's.
func likeRoot(upper, layer string) error {
	info, err := os.Stat(layer)
	if err != nil {
		return fmt.Errorf("look at the root of the image: %w", err)
	}
	return errors.Join(os.Chmod(upper, info.Mode()), os.Chown(upper, ownerOf(info), groupOf(info)))
}

// layerFolders are the layers of the container's image, from the lowest up.
func (e *Engine) layerFolders(record *Record) []string {
	layers := storage.NewLayers(filepath.Join(e.root, "layers"), driverOf(record))
	var folders []string
	for _, layer := range record.Layers {
		folders = append(folders, layers.Path(digest.Digest(layer)))
	}
	return folders
}

// driverOf is the driver that has written what the container has written: no other
// one can read it.
func driverOf(record *Record) storage.Driver {
	if record.Driver == (storage.AUFS{}).Name() {
		return storage.AUFS{}
	}
	return storage.Overlay{}
}
