package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// metapackages depend on the newest kernel: Debian's, and Ubuntu's for virtual
// machines.
var metapackages = []string{"linux-image-amd64", "linux-image-virtual"}

// Packaged returns the kernel that apt has for this distribution, unpacked in
// the folder cache but not installed. It is downloaded if there is none in the cache;
// out gets what apt says of it.
func Packaged(ctx context.Context, cache string, out io.Writer) (Kernel, error) {
	if kernel, err := cached(cache); err == nil || !errors.Is(err, os.ErrNotExist) {
		return kernel, err
	}
	packages, err := kernelPackages(ctx)
	if err != nil {
		return Kernel{}, err
	}
	if err := os.MkdirAll(filepath.Dir(cache), 0o755); err != nil {
		return Kernel{}, err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(cache), "kernel")
	if err != nil {
		return Kernel{}, err
	}
	defer func() { _ = os.RemoveAll(fresh) }() // what is whole has another name by then
	if err := download(ctx, fresh, packages, out); err != nil {
		return Kernel{}, err
	}
	if err := os.Rename(filepath.Join(fresh, "unpacked"), cache); err != nil {
		return Kernel{}, err
	}
	return cached(cache)
}

func cached(cache string) (Kernel, error) {
	images, err := filepath.Glob(filepath.Join(cache, "boot", "vmlinuz-*"))
	if err != nil {
		return Kernel{}, err
	}
	if len(images) == 0 {
		return Kernel{}, fmt.Errorf("no kernel in %s: %w", cache, os.ErrNotExist)
	}
	return FindKernel(slices.Max(images), "")
}

// kernelPackages finds what a metapackage depends on: the image, and the modules
// where they are a package of their own.
func kernelPackages(ctx context.Context) ([]string, error) {
	var said error
	for _, metapackage := range metapackages {
		output, err := exec.CommandContext(ctx, "apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests",
			"--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances", metapackage).Output()
		if packages := namesIn(string(output)); err == nil && len(packages) > 0 {
			return packages, nil
		}
		said = errors.Join(said, err)
	}
	if errors.Is(said, exec.ErrNotFound) {
		return nil, fmt.Errorf("only Debian and Ubuntu have a kernel to download: name an image: %w", said)
	}
	return nil, fmt.Errorf("apt knows none of the packages %v: apt-get update, or name an image", metapackages)
}

// namesIn picks the packages of a kernel out of what apt-cache says, which has a
// line without an indent for each package.
func namesIn(depends string) []string {
	var names []string
	for line := range strings.Lines(depends) {
		name := strings.TrimSpace(line)
		kernel := strings.HasPrefix(line, "linux-image-") || strings.HasPrefix(line, "linux-modules-")
		if kernel && strings.ContainsAny(name, "0123456789") && !slices.Contains(metapackages, name) {
			names = append(names, name)
		}
	}
	return names
}

// download leaves the files of the packages in folder/unpacked.
func download(ctx context.Context, folder string, packages []string, out io.Writer) error {
	command := func(words ...string) error {
		command := exec.CommandContext(ctx, words[0], words[1:]...)
		command.Dir, command.Stdout, command.Stderr = folder, out, out
		if err := command.Run(); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(words[:2], " "), err)
		}
		return nil
	}
	// Root's apt would give up its rights, and then could not write here.
	get := append([]string{"apt-get", "download", "-q", "-o", "APT::Sandbox::User=root"}, packages...)
	if err := command(get...); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.deb"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := command("dpkg-deb", "--extract", file, "unpacked"); err != nil {
			return err
		}
	}
	return nil
}
