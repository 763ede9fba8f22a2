package testbed

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
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
	target := filepath.Join(sharedFolder(t), name)
	once, _ := programs.LoadOrStore(pkg, sync.OnceValue(func() error { return build(pkg, target) }))
	if err := once.(func() error)(); err != nil {
		t.Fatal(err)
	}
	return target
}

func build(pkg, target string) error {
	// Without the stamp of the version: git refuses root in a user's clone.
	command := exec.Command("go", "build", "-buildvcs=false", "-o", target, pkg)
	command.Dir = ownFolder
	command.Env = append(os.Environ(), home()...)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s(`go tool mage test` builds the programs before it becomes root)", pkg, err, output)
	}
	return nil
}

// home returns the variable HOME where there is none, as after sudo or in a
// service: Go finds its caches there.
func home() []string {
	if os.Getenv("HOME") != "" {
		return nil
	}
	account, err := user.LookupId(strconv.Itoa(os.Geteuid()))
	if err != nil {
		return nil // Go says best what it misses
	}
	return []string{"HOME=" + account.HomeDir}
}
