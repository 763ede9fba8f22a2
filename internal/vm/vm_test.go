package vm

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
	"mytinydocker/internal/vm/wire"
)

// fakeQEMU puts a shell script into the place of QEMU. It has the machine's console
// as standard output and the line for reports as 3.
func fakeQEMU(t *testing.T, script string) {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, emulator), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
}

// reportsOf runs a machine that is the script and returns the kinds of its reports.
func reportsOf(ctx context.Context, machine Machine) (string, error) {
	var kinds []string
	err := machine.Run(ctx, func(report wire.Report) error {
		kinds = append(kinds, string(report.Kind))
		return nil
	})
	return strings.Join(kinds, " "), err
}

const (
	booted = `echo '{"Kind":"booted"}' >&3`
	done   = `echo '{"Kind":"done"}' >&3`
)

func TestMachineThatIsDoneIsEnded(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	fakeQEMU(t, "echo $$ > "+pidFile+"; "+booted+"; "+done+"; exec sleep 1000")

	kinds, err := reportsOf(t.Context(), Machine{})

	require.NoError(t, err)
	require.Equal(t, "booted", kinds)
	content, err := os.ReadFile(pidFile)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	require.NoError(t, err)
	require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
}

// Whatever goes wrong, it is an error that shows what the kernel has said, and it comes
// within the deadline.
func TestMachineThatDoesNotGetToItsEnd(t *testing.T) {
	for name, test := range map[string]struct {
		script string
		want   []string
	}{
		"panics":          {booted + "; echo 'Kernel panic - not syncing'; exit 0", []string{"ended before its tests", "Kernel panic"}},
		"refuses to run":  {"echo 'qemu: no such machine' >&2; exit 1", []string{"exit status 1", "no such machine"}},
		"does not boot":   {"echo booting; exec sleep 1000", []string{"did not boot within", "booting"}},
		"hangs":           {booted + "; exec sleep 1000", []string{"was silent for"}},
		"gives up":        {`echo '{"Kind":"failed","Text":"no modules"}' >&3`, []string{"no modules"}},
		"reports garbage": {booted + `; echo garbage >&3; exec sleep 1000`, []string{"garbage"}},
	} {
		t.Run(name, func(t *testing.T) {
			fakeQEMU(t, test.script)

			_, err := reportsOf(t.Context(), Machine{Boot: 2 * time.Second, Silence: 2 * time.Second})

			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), "context canceled", "that is how we end it, and says nothing")
			require.NotContains(t, err.Error(), "%!")
		})
	}
}

func TestReportsKeepAMachineAlive(t *testing.T) {
	fakeQEMU(t, booted+`; for i in 1 2 3 4 5 6; do sleep 0.5; echo '{"Kind":"alive"}' >&3; done; `+done)

	kinds, err := reportsOf(t.Context(), Machine{Boot: 20 * time.Second, Silence: 2 * time.Second})

	require.NoError(t, err)
	require.Equal(t, "booted"+strings.Repeat(" alive", 6), kinds)
}

func TestInterruptEndsTheMachine(t *testing.T) {
	fakeQEMU(t, booted+"; exec sleep 1000")
	ctx, cancel := context.WithCancel(t.Context())

	err := Machine{}.Run(ctx, func(wire.Report) error {
		cancel()
		return nil
	})

	require.ErrorIs(t, err, context.Canceled)
}

// A /dev/kvm that does not work is found out by trying.
func TestMachineThatDoesNotBootIsEmulated(t *testing.T) {
	fakeQEMU(t, `case "$*" in *kvm*) echo 'no kvm' >&2; exit 1;; esac; `+booted+"; "+done)
	var kinds []wire.Kind
	take := func(report wire.Report) error {
		kinds = append(kinds, report.Kind)
		return nil
	}

	require.NoError(t, Machine{}.try(t.Context(), []string{"kvm", "tcg"}, take))
	require.Equal(t, []wire.Kind{wire.Booted}, kinds)
	require.ErrorContains(t, Machine{}.try(t.Context(), []string{"kvm"}, take), "no kvm")
}

// One that has booted has run tests: they are not run twice.
func TestMachineThatHasBootedIsNotTriedAgain(t *testing.T) {
	fakeQEMU(t, booted+"; exit 1")
	boots := 0

	err := Machine{}.try(t.Context(), []string{"kvm", "tcg"}, func(wire.Report) error {
		boots++
		return nil
	})

	require.Error(t, err)
	require.Equal(t, 1, boots)
}

func TestWithoutQEMU(t *testing.T) {
	t.Setenv("PATH", t.TempDir())

	_, err := reportsOf(t.Context(), Machine{})

	require.ErrorContains(t, err, "apt-get install qemu-system-x86")
}

func TestConsoleKeepsTheEnd(t *testing.T) {
	console := &tail{}
	require.Equal(t, "(nothing)", console.String())
	for range 1000 {
		_, err := console.Write([]byte("a line that is soon forgotten\r\n"))
		require.NoError(t, err)
	}
	_, err := console.Write([]byte("the last words\r\n"))
	require.NoError(t, err)

	text := console.String()

	require.Less(t, len(text), enough)
	require.True(t, strings.HasPrefix(text, "a line that is soon forgotten\na line"), "%.50q", text)
	require.True(t, strings.HasSuffix(text, "forgotten\nthe last words"), text)
}

// suite makes a program that stands for the tests of a package.
func suite(t *testing.T, name, script string) Suite {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	return Suite{Package: name, Folder: "internal", Program: program}
}

func TestRealKernel(t *testing.T) {
	testbed.Require(t, testbed.QEMU, testbed.Kernel, testbed.GoTool)
	kernel, err := cached("../../bin/vm/kernel")
	require.NoError(t, err)
	contents := Contents{
		Guest: testbed.Build(t, "mytinydocker/internal/vm/guest"), Modules: kernel.Modules, Cgroups: 2, Source: "../..", Programs: t.TempDir(), Environment: []string{"GREETING=hello there"},
		Suites: []Suite{
			suite(t, "passes", `echo "$GREETING"; pwd; printf '\377\r'; echo error >&2; exec 2>&1; id -u; cat /proc/self/cgroup; uname -r`),
			suite(t, "fails", "exit 7"),
			suite(t, "is killed", "kill -9 $$"),
			suite(t, "leaves a process", "sleep 1000 & exit 0"),
			suite(t, "makes what containers need", `set -e; mkdir /tmp/u /tmp/w
				mount -t overlay -o lowerdir=/etc,upperdir=/tmp/u,workdir=/tmp/w none /mnt; test -e /mnt/passwd
				cat /sys/fs/cgroup/cgroup.controllers; unshare --net --mount --pid --fork true; test -c /dev/ptmx
				echo standard | cat /dev/stdin; echo error >/dev/stderr; test -d /dev/fd`),
			suite(t, "has a disk", `stat --file-system --format %T /tmp`),
			suite(t, "panics", "echo c > /proc/sysrq-trigger; sleep 1000"),
		},
	}
	archive, err := os.Create(filepath.Join(t.TempDir(), "root.cpio"))
	require.NoError(t, err)
	require.NoError(t, contents.Pack(archive))
	require.NoError(t, archive.Close())
	output, codes := make(map[string]string), make(map[string]int)

	err = Machine{Kernel: kernel.Image, Initramfs: archive.Name(), Memory: 1024, CPUs: 1}.Run(t.Context(), func(report wire.Report) error {
		switch report.Kind {
		case wire.Output:
			output[report.Package] += string(report.Data)
		case wire.Ended:
			codes[report.Package] = report.Code
		}
		return nil
	})

	require.ErrorContains(t, err, "Kernel panic")
	require.Equal(t, "hello there\n/src/internal\n\377\rerror\n0\n0::/session\n"+kernel.Release+"\n", output["passes"])
	require.Equal(t, map[string]int{"passes": 0, "fails": 7, "is killed": 137, "leaves a process": 0, "has a disk": 0, "makes what containers need": 0}, codes, output)
	require.Contains(t, output["makes what containers need"], "memory")
	require.Contains(t, output["has a disk"], "ext")
}
