package vm

import (
	"encoding/json"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"mytinydocker/internal/vm/wire"
)

// Contents is what a machine finds when it boots.
type Contents struct {
	Guest       string // its first program
	Modules     string // folder of the kernel's modules, or empty
	Cgroups     int    // version of the hierarchies: 1 or 2
	Source      string // the repository: tests run in their package's folder
	Programs    string // folder of the programs that tests run
	Suites      []Suite
	Arguments   []string // of the suites, for example -test.run=Memory
	Environment []string // of the suites, beside the usual
}

// rootOfTests is where in the archive the root of the tests is.
const rootOfTests = "/tree"

// Places in that root.
const (
	sourceAt   = "/src"
	programsAt = "/vm/bin"
	suitesAt   = "/vm/suites"
	modulesAt  = "/vm/modules"
)

// Pack writes the contents as an archive to boot with.
func (c Contents) Pack(archive io.Writer) error {
	tree := NewTree(archive)
	orders := wire.Orders{
		Cgroups: c.Cgroups,
		Environment: append([]string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TESTBED_BINARIES=" + programsAt,
		}, c.Environment...),
	}
	if format, err := lookPath("mke2fs"); err == nil {
		orders.Format = format
	}
	for _, add := range []func(*Tree, *wire.Orders) error{c.addBasics, c.addModules, c.addPrograms, c.addSuites, addOrders} {
		if err := add(tree, &orders); err != nil {
			return err
		}
	}
	return tree.Close()
}

func inRoot(elements ...string) string {
	return path.Join(append([]string{rootOfTests}, elements...)...)
}

// addBasics adds the first program, the folders that it mounts something on, and,
// for a kernel that does not make them itself, devices. The kernel has /dev/console
// opened for the first program already.
func (c Contents) addBasics(tree *Tree, _ *wire.Orders) error {
	for _, folder := range []string{"/proc", "/sys", "/dev", "/run", "/tmp", "/var/lib", "/root", "/mnt"} {
		if err := tree.Folder(inRoot(folder), 0o755); err != nil {
			return err
		}
	}
	for _, device := range []struct {
		name         string
		major, minor uint64
	}{
		{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9},
		{"tty", 5, 0}, {"console", 5, 1}, {"ptmx", 5, 2}, {"ttyS0", 4, 64}, {"ttyS1", 4, 65},
	} {
		if err := tree.Device(inRoot("dev", device.name), 0o666, device.major, device.minor); err != nil {
			return err
		}
	}
	if err := tree.Device("/dev/console", 0o600, 5, 1); err != nil {
		return err
	}
	return tree.File("/init", c.Guest)
}

func (c Contents) addModules(tree *Tree, orders *wire.Orders) error {
	if c.Modules == "" {
		return nil
	}
	modules, err := modulesFor(c.Modules, wanted)
	if err != nil {
		return err
	}
	for _, module := range modules {
		file := path.Join(modulesAt, module.name+".ko")
		if err := tree.Text(inRoot(file), string(module.content), 0o600); err != nil {
			return err
		}
		orders.Modules = append(orders.Modules, file)
	}
	return nil
}

// addPrograms adds the repository, the programs made from it, and those of this machine.
func (c Contents) addPrograms(tree *Tree, _ *wire.Orders) error {
	notSource := func(name string) bool { return slices.Contains([]string{"bin", "work"}, name) }
	if err := tree.Copy(inRoot(sourceAt), c.Source, notSource); err != nil {
		return err
	}
	if err := tree.Copy(inRoot(programsAt), c.Programs, func(string) bool { return false }); err != nil {
		return err
	}
	entries, err := os.ReadDir(c.Programs)
	if err != nil {
		return err
	}
	var executables []string
	for _, entry := range entries {
		executables = append(executables, filepath.Join(c.Programs, entry.Name()))
	}
	for _, suite := range c.Suites {
		executables = append(executables, suite.Program)
	}
	return addUserland(tree, rootOfTests, executables)
}

func (c Contents) addSuites(tree *Tree, orders *wire.Orders) error {
	for _, suite := range c.Suites {
		program := path.Join(suitesAt, strings.ReplaceAll(suite.Package, "/", "-"))
		if err := tree.File(inRoot(program), suite.Program); err != nil {
			return err
		}
		orders.Tests = append(orders.Tests, wire.Test{
			Package: suite.Package, Program: program, Folder: path.Join(sourceAt, filepath.ToSlash(suite.Folder)), Arguments: c.Arguments,
		})
	}
	return nil
}

func addOrders(tree *Tree, orders *wire.Orders) error {
	content, err := json.Marshal(orders)
	if err != nil {
		return err
	}
	return tree.Text(inRoot(wire.OrdersFile), string(content), 0o600)
}
