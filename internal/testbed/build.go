package testbed

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built holds the programs that this test process has built.
var built struct {
	sync.Mutex
	programs map[string]string // package -> path
}

// Build returns the path of the program of the package pkg, and builds it at
// the first call. The package "." is the one the tests belong to.
//
// If TESTBED_BINARIES names a folder that holds a program named as the last
// element of the package's path, that one is taken: so programs can be built as
// one user and tested as another.
func Build(t testing.TB, pkg string) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	if path, ok := built.programs[pkg]; ok {
		return path
	}
	name := filepath.Base(absolute(t, pkg))
	path := filepath.Join(os.Getenv("TESTBED_BINARIES"), name)
	if _, err := os.Stat(path); os.Getenv("TESTBED_BINARIES") == "" || err != nil {
		path = build(t, pkg, name)
	}
	if built.programs == nil {
		built.programs = make(map[string]string)
	}
	built.programs[pkg] = path
	return path
}

// absolute returns "." as the folder it is, whose name is the program's.
func absolute(t testing.TB, pkg string) string {
	t.Helper()
	if pkg != "." {
		return pkg
	}
	folder, err := os.Getwd()
	if err != nil {
		t.Fatalf("find the folder of the tests: %v", err)
	}
	return folder
}

func build(t testing.TB, pkg, name string) string {
	t.Helper()
	path := filepath.Join(sharedFolder(t), name)
	if output, err := exec.Command("go", "build", "-o", path, pkg).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s(`go tool mage test` builds the programs before it becomes root)", pkg, err, output)
	}
	return path
}
