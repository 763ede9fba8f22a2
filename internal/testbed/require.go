package testbed

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mytinydocker/internal/base"
	"mytinydocker/internal/testbed/machine"
)

// Requirement names something that a test needs of the machine it runs on.
type Requirement string

// What a test can require.
const (
	Root         Requirement = "Root"
	AUFS         Requirement = "AUFS"
	Overlay      Requirement = "Overlay"
	Union        Requirement = "Union" // either of them
	CgroupV1     Requirement = "CgroupV1"
	CgroupV2     Requirement = "CgroupV2"
	CgroupMemory Requirement = "CgroupMemory"
	CgroupCPU    Requirement = "CgroupCPU"
	CgroupCpuset Requirement = "CgroupCpuset"
	CgroupPids   Requirement = "CgroupPids"
	IPTables     Requirement = "IPTables"
	NFTables     Requirement = "NFTables"
	UserNS       Requirement = "UserNS"
	BaseImage    Requirement = "BaseImage"
	UserXattr    Requirement = "UserXattr" // in the folder of temporary files
	GoTool       Requirement = "GoTool"
	QEMU         Requirement = "QEMU"
	Kernel       Requirement = "Kernel" // to boot on an emulated machine
)

// probes tell whether the machine has what a test requires.
var probes = map[Requirement]func() machine.Check{
	Root:         machine.Root,
	AUFS:         machine.AUFS,
	Overlay:      machine.Overlay,
	Union:        machine.Union,
	CgroupV1:     machine.CgroupV1,
	CgroupV2:     machine.CgroupV2,
	CgroupMemory: func() machine.Check { return machine.Controller("memory") },
	CgroupCPU:    func() machine.Check { return machine.Controller("cpu") },
	CgroupCpuset: func() machine.Check { return machine.Controller("cpuset") },
	CgroupPids:   func() machine.Check { return machine.Controller("pids") },
	IPTables:     machine.IPTables,
	NFTables:     machine.NFTables,
	UserNS:       machine.UserNamespaces,
	BaseImage:    baseImage,
	UserXattr:    machine.UserXattr,
	GoTool:       machine.GoTool,
	QEMU:         machine.QEMU,
	Kernel:       kernel,
}

// Require skips the test, naming all that is missing and how to mend it, unless
// the machine meets the requirements. If TESTBED_MUST lists a missing one,
// separated by spaces or commas, the test fails instead. A requirement that does
// not exist, here or in TESTBED_MUST, is a mistake and fails the test, too.
//
// A test that requires root must belong to a process that called Main.
func Require(t testing.TB, requirements ...Requirement) {
	t.Helper()
	must := mustHave()
	refuseUnknown(t, must, " in TESTBED_MUST")
	refuseUnknown(t, requirements, "")
	if slices.Contains(requirements, Root) {
		sharedFolder(t)
	}
	var missing []string
	insist := false
	for _, requirement := range requirements {
		if check := probes[requirement](); !check.OK {
			missing = append(missing, fmt.Sprintf("requires %s: %s (%s)", requirement, check.Found, check.Mend))
			insist = insist || slices.Contains(must, requirement)
		}
	}
	switch {
	case insist:
		t.Fatalf("%s; TESTBED_MUST insists", strings.Join(missing, "; "))
	case len(missing) > 0:
		t.Skip(strings.Join(missing, "; "))
	}
}

func refuseUnknown(t testing.TB, requirements []Requirement, where string) {
	t.Helper()
	for _, requirement := range requirements {
		if _, known := probes[requirement]; !known {
			names := fmt.Sprint(slices.Sorted(maps.Keys(probes)))
			t.Fatalf("unknown requirement %q%s: there are %s", requirement, where, strings.ReplaceAll(strings.Trim(names, "[]"), " ", ", "))
		}
	}
}

func mustHave() []Requirement {
	var must []Requirement
	for _, name := range strings.FieldsFunc(os.Getenv("TESTBED_MUST"), func(r rune) bool { return r == ' ' || r == ',' }) {
		must = append(must, Requirement(name))
	}
	return must
}

func baseImage() machine.Check {
	check := machine.Check{Name: "built-in image", Mend: "run `go tool mage build`"}
	if _, err := base.Config(); err != nil {
		check.Found = err.Error()
		return check
	}
	check.OK, check.Found = true, "built"
	return check
}

// kernel looks where mage keeps the one that it has downloaded.
func kernel() machine.Check {
	check := machine.Check{Name: "kernel to boot", Mend: "run `go tool mage vm:kernel`"}
	for folder := ownFolder; folder != "/" && !check.OK; folder = filepath.Dir(folder) {
		images, err := filepath.Glob(filepath.Join(folder, "bin/vm/kernel/boot/vmlinuz-*"))
		check.OK = err == nil && len(images) > 0
	}
	check.Found = "downloaded"
	if !check.OK {
		check.Found = "none was downloaded"
	}
	return check
}
