package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"mytinydocker/final/image"
)

// Options is what the user asks of a new container. What is empty is taken from
// the image.
type Options struct {
	Image      string
	Command    []string
	Name       string   // "" for a random one
	Env        []string // NAME=VALUE, or NAME for the value that our caller has
	WorkingDir string
	Hostname   string // "" for the short id
	Terminal   bool
	Stdin      bool
	AutoRemove bool // remove the container at its end
}

// newRecord makes a record of what the user asks and what the image says, and
// refuses what makes no sense.
func newRecord(options Options, image *image.Image) (*Record, error) {
	record := &Record{
		ID: newID(), Name: options.Name, Image: image.Reference.String(), ImageID: image.ID.String(),
		WorkingDir: options.WorkingDir, User: image.Config.Config.User, Hostname: options.Hostname,
		Terminal: options.Terminal, Stdin: options.Stdin, AutoRemove: options.AutoRemove, Created: time.Now().UTC(),
	}
	for _, layer := range image.Layers() {
		record.Layers = append(record.Layers, layer.String())
	}
	if record.Name == "" {
		record.Name = randomName()
	}
	if record.Hostname == "" {
		record.Hostname = record.ShortID()
	}
	if record.WorkingDir == "" {
		record.WorkingDir = image.Config.Config.WorkingDir
	}
	if record.WorkingDir == "" {
		record.WorkingDir = "/"
	}
	var err error
	if record.Command, err = commandOf(options, image); err != nil {
		return nil, err
	}
	if record.Env, err = environment(image.Config.Config.Env, options.Env, record); err != nil {
		return nil, err
	}
	return record, record.check()
}

// commandOf is the image's entry point, followed by the command of the user or
// else of the image.
func commandOf(options Options, image *image.Image) ([]string, error) {
	command := options.Command
	if len(command) == 0 {
		command = image.Config.Config.Cmd
	}
	command = slices.Concat(image.Config.Config.Entrypoint, command)
	if len(command) == 0 {
		return nil, fmt.Errorf("the image %s does not say what to run: give a command", image.Reference)
	}
	return command, nil
}

// A host name is one or more labels of letters, digits and "-", hostname(7).
const hostnamePattern = `^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*$`

func (r *Record) check() error {
	if err := checkName(r.Name); err != nil {
		return err
	}
	if valid, _ := regexp.MatchString(hostnamePattern, r.Hostname); !valid || len(r.Hostname) > 64 {
		return fmt.Errorf("invalid host name %q: at most 64 letters, digits, dots and hyphens", r.Hostname)
	}
	if !filepath.IsAbs(r.WorkingDir) {
		return fmt.Errorf("the working folder %q is not absolute: begin it with /", r.WorkingDir)
	}
	return nil
}

// create makes the folders of a container whose lock we hold, and its record
// last. A container without a record is one that nobody has.
func (e *Engine) create(record *Record, image *image.Image) error {
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
	return e.writeRecord(record)
}

// ensureLayers returns the folders of the image's layers, from the lowest up.
func (e *Engine) ensureLayers(image *image.Image) ([]string, error) {
	var folders []string
	for _, layer := range image.Layers() {
		folder, err := e.layers.Ensure(layer, func() (io.ReadCloser, error) { return e.images.OpenLayer(image, layer) })
		if err != nil {
			return nil, err
		}
		folders = append(folders, folder)
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

// writeNetworkFiles writes what is mounted on the files of /etc by which programs
// find names.
func (e *Engine) writeNetworkFiles(record *Record) error {
	names := record.Hostname
	if short, _, qualified := strings.Cut(record.Hostname, "."); qualified {
		names += " " + short
	}
	for name, content := range map[string]string{
		"hostname":    record.Hostname + "\n",
		"hosts":       "127.0.0.1\tlocalhost " + names + "\n::1\tlocalhost ip6-localhost ip6-loopback\n",
		"resolv.conf": "",
	} {
		if err := writeFile(filepath.Join(e.folder(record.ID), name), content, 0o644); err != nil {
			return fmt.Errorf("write the container's /etc/%s: %w", name, err)
		}
	}
	return nil
}

func (e *Engine) layerFolders(record *Record) []string {
	var folders []string
	for _, layer := range record.Layers {
		folders = append(folders, e.layers.Path(digest.Digest(layer)))
	}
	return folders
}
