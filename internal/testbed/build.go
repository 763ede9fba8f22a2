package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A program of a package is built at the first call of Build, by whichever test
// that is.
var programs sync.Map // name -> func() error

// ownFolder is the one that `go test` runs the tests in; a test may change it.
var ownFolder, errOwnFolder = os.Getwd()

// Build returns the path of the program of the package pkg, and builds it at
// the first call. The package "." is the one the tests belong to. Flags are further
// ones of `go build`; with -race the program is one that looks for data races.
//
// If TESTBED_BINARIES names a folder that holds a program named as the last
// element of the package's path, with the flags behind it, as in final-race, that one
// is taken: so programs can be built as one user and tested as another.
func Build(t testing.TB, pkg string, flags ...string) string {
	t.Helper()
	name := filepath.Base(pkg)
	if pkg == "." {
		if errOwnFolder != nil {
			t.Fatalf("find the folder of the tests: %v", errOwnFolder)
		}
		name = filepath.Base(ownFolder)
	}
	name += strings.Join(flags, "")
	if prebuilt := os.Getenv("TESTBED_BINARIES"); prebuilt != "" {
		path := filepath.Join(prebuilt, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	folder, err := programFolder(sharedFolder(t))
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(folder, name)
	once, _ := programs.LoadOrStore(name, sync.OnceValue(func() error { return build(pkg, target, flags) }))
	if err := once.(func() error)(); err != nil {
		t.Fatal(err)
	}
	return target
}

// programFolder makes the folder of the programs, which belongs to their builder.
func programFolder(shared string) (string, error) {
	folder := filepath.Join(shared, "bin")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	uid, gid := builder()
	return folder, os.Chown(folder, int(uid), int(gid))
}

func build(pkg, target string, flags []string) error {
	if len(flags) == 0 {
		flags = []string{"-tags=netgo,osusergo"}
	}
	// Without the stamp of the version: git refuses root in a user's clone.
	command := Go(slices.Concat([]string{"build", "-buildvcs=false"}, flags, []string{"-o", target, pkg})...)
	command.Dir = ownFolder
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s(`go tool mage test` builds the programs before it becomes root)", pkg, err, output)
	}
	return nil
}
