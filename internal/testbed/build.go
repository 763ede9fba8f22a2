package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// A program of a package is built at the first call of Build, by whichever test
// that is.
var programs sync.Map // package -> func() error

// ownFolder is the one that `go test` runs the tests in; a test may change it.
var ownFolder, errOwnFolder = os.Getwd()

// Build returns the path of the program of the package pkg, and builds it at
// the first call. The package "." is the one the tests belong to.
//
// If TESTBED_BINARIES names a folder that holds a program named as the last
// element of the package's path, that one is taken: so programs can be built as
// one user and tested as another.
func Build(t testing.TB, pkg string) string {
	t.Helper()
	name := filepath.Base(pkg)
	if pkg == "." {
		if errOwnFolder != nil {
			t.Fatalf("find the folder of the tests: %v", errOwnFolder)
		}
		name = filepath.Base(ownFolder)
	}
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
	once, _ := programs.LoadOrStore(pkg, sync.OnceValue(func() error { return build(pkg, target) }))
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

func build(pkg, target string) error {
	// Without the stamp of the version: git refuses root in a user's clone.
	command := Go("build", "-buildvcs=false", "-tags=netgo,osusergo", "-o", target, pkg)
	command.Dir = ownFolder
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s(`go tool mage test` builds the programs before it becomes root)", pkg, err, output)
	}
	return nil
}
