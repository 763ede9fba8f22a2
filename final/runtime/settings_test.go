package runtime

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

func pointer[T any](value T) *T { return &value }

// own gives a container one more namespace of its own.
func own(spec *specs.Spec, kind specs.LinuxNamespaceType) {
	spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: kind})
}

func TestRootIsReadOnlyAndItsMountsAreNot(t *testing.T) {
	root := newRoot(t)
	spec := specOf(root, "echo x > /file; echo x > /tmp/file; echo x > /dev/file && echo x > /scratch/file && cat /dev/file /scratch/file")
	spec.Root.Readonly = true
	spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/scratch", Type: "tmpfs", Source: "tmpfs"})

	stdout, status, err := runSpec(t, spec)

	require.NoError(t, err)
	require.Zero(t, status)
	require.Equal(t, "x\nx\n", stdout)
	require.NoFileExists(t, filepath.Join(root, "file"))
	require.NoFileExists(t, filepath.Join(root, "tmp", "file"))
}

func TestTmpfsHasTheSizeAndTheModeThatWereAskedFor(t *testing.T) {
	root := newRoot(t)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "run"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "var"), 0o755))
	require.NoError(t, os.RemoveAll(filepath.Join(root, "var/run")))
	require.NoError(t, os.Symlink("/run", filepath.Join(root, "var/run"))) // as images have it
	spec := specOf(root, "grep ' /run ' /proc/mounts; stat -c %a /run")
	spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/var/run", Type: "tmpfs", Source: "tmpfs", Options: []string{"size=64k", "mode=1750", "noexec", "nosuid"}})

	stdout, _, err := runSpec(t, spec)

	require.NoError(t, err)
	for _, option := range []string{"size=64k", "mode=1750", "noexec", "nosuid", "rw"} {
		require.Contains(t, stdout, option)
	}
}

func TestSettingsReachTheProgram(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*specs.Spec)
		command string
		want    string
	}{
		"rlimit": {func(s *specs.Spec) {
			s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_MSGQUEUE", Soft: 20, Hard: 30}}
		}, "grep '^Max msgqueue size' /proc/self/limits | tr -s ' ' | cut -d' ' -f4-5", "20 30\n"},
		"core":        {func(s *specs.Spec) { s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CORE", Soft: 0, Hard: 0}} }, "grep '^Max core' /proc/self/limits | tr -s ' ' | cut -d' ' -f5-6", "0 0\n"},
		"OOM score":   {func(s *specs.Spec) { s.Process.OOMScoreAdj = pointer(321) }, "cat /proc/self/oom_score_adj", "321\n"},
		"umask":       {func(s *specs.Spec) { s.Process.User.Umask = pointer(uint32(0o077)) }, "grep Umask /proc/self/status", "Umask:\t0077\n"},
		"usual umask": {func(*specs.Spec) {}, "grep Umask /proc/self/status", "Umask:\t0022\n"},
		"domain name": {func(s *specs.Spec) { s.Domainname = "example.test" }, "cat /proc/sys/kernel/domainname", "example.test\n"},
		"host name":   {func(s *specs.Spec) { s.Hostname = "somebody" }, "hostname", "somebody\n"},
		"IPC sysctl":  {func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{"kernel.msgmax": "12345"} }, "cat /proc/sys/kernel/msgmax", "12345\n"},
		"net sysctl": {func(s *specs.Spec) {
			own(s, specs.NetworkNamespace)
			s.Linux.Sysctl = map[string]string{"net.ipv4.ip_default_ttl": "77"}
		}, "cat /proc/sys/net/ipv4/ip_default_ttl", "77\n"},
		"sysctl of an interface": {func(s *specs.Spec) {
			own(s, specs.NetworkNamespace)
			s.Linux.Sysctl = map[string]string{"net/ipv4/conf/lo/forwarding": "1"}
		}, "cat /proc/sys/net/ipv4/conf/lo/forwarding", "1\n"},
		"groups": {func(s *specs.Spec) { s.Process.User = specs.User{UID: 5, GID: 6, AdditionalGids: []uint32{7, 8}} }, "grep Groups /proc/self/status", "Groups:\t7 8 \n"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := specOf(newRoot(t), test.command)
			test.change(spec)

			stdout, _, err := runSpec(t, spec)

			require.NoError(t, err)
			require.Equal(t, test.want, stdout)
		})
	}
}

// What belongs to all, no container sets.
func TestSettingsOfTheHostAreRefused(t *testing.T) {
	shared := func(s *specs.Spec) { s.Linux.Namespaces = s.Linux.Namespaces[:2] }
	for name, change := range map[string]func(*specs.Spec){
		"sysctl of the kernel":     func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{"kernel.core_pattern": "x"} },
		"sysctl of the host's IPC": func(s *specs.Spec) { shared(s); s.Linux.Sysctl = map[string]string{"kernel.msgmax": "1"} },
		"sysctl of the host's net": func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1"} },
		"sysctl that climbs": func(s *specs.Spec) {
			own(s, specs.NetworkNamespace)
			s.Linux.Sysctl = map[string]string{"net/../kernel/core_pattern": "x"}
		},
		"sysctl without a name": func(s *specs.Spec) { own(s, specs.NetworkNamespace); s.Linux.Sysctl = map[string]string{"net.": "x"} },
		"host name sysctl":      func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{"kernel.hostname": "x"} },
		"domain name":           func(s *specs.Spec) { shared(s); s.Domainname = "x" },
		"unknown rlimit":        func(s *specs.Spec) { s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOSUCH"}} },
		"rlimit twice": func(s *specs.Spec) {
			s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CORE"}, {Type: "RLIMIT_CORE"}}
		},
		"soft above hard": func(s *specs.Spec) { s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CORE", Soft: 2, Hard: 1}} },
		"option of a bind": func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/x", Type: "bind", Source: "/", Options: []string{"bind", "rshared"}})
		},
		"relative mount":       func(s *specs.Spec) { s.Mounts = append(s.Mounts, specs.Mount{Destination: "x", Type: "tmpfs"}) },
		"device outside":       func(s *specs.Spec) { s.Linux.Devices = []specs.LinuxDevice{{Path: "/etc/x", Type: "c"}} },
		"device that climbs":   func(s *specs.Spec) { s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/../etc/x", Type: "c"}} },
		"device of no type":    func(s *specs.Spec) { s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/x", Type: "x"}} },
		"mounts of another":    func(s *specs.Spec) { s.Linux.Namespaces[0].Path = "/proc/1/ns/mnt" },
		"processes of another": func(s *specs.Spec) { s.Linux.Namespaces[1].Path = "/proc/1/ns/pid" },
		"namespace twice":      func(s *specs.Spec) { own(s, specs.UTSNamespace) },
		"limits of no cgroup":  func(s *specs.Spec) { s.Linux.Resources = &specs.LinuxResources{} },
	} {
		t.Run(name, func(t *testing.T) {
			spec := specOf("/no/such", "true")
			change(spec)

			_, err := Start(spec, Options{Started: func(int) error {
				t.Error("init has been started")
				return nil
			}})

			require.ErrorContains(t, err, "specification")
		})
	}
}

func TestDevicesAreMadeAsAskedFor(t *testing.T) {
	container := startSleeper(t, func(s *specs.Spec) {
		s.Linux.Devices = []specs.LinuxDevice{
			{Path: "/dev/mapper/disk", Type: "b", Major: 240, Minor: 3, FileMode: pointer(os.FileMode(0o640)), UID: pointer(uint32(7)), GID: pointer(uint32(8))},
			{Path: "/dev/null", Type: "c", Major: 1, Minor: 3, FileMode: pointer(os.FileMode(0o600))},
			{Path: "/dev/plain", Type: "c", Major: 1, Minor: 5},
		}
	})
	for path, want := range map[string]unix.Stat_t{
		"mapper/disk": {Mode: unix.S_IFBLK | 0o640, Rdev: unix.Mkdev(240, 3), Uid: 7, Gid: 8},
		"null":        {Mode: unix.S_IFCHR | 0o600, Rdev: unix.Mkdev(1, 3)},
		"plain":       {Mode: unix.S_IFCHR | 0o666, Rdev: unix.Mkdev(1, 5)},
	} {
		var got unix.Stat_t
		require.NoError(t, unix.Lstat(fmt.Sprintf("/proc/%d/root/dev/%s", container.Pid(), path), &got), path)
		require.Equal(t, []any{want.Mode, want.Rdev, want.Uid, want.Gid}, []any{got.Mode, got.Rdev, got.Uid, got.Gid}, path)
	}
}

func TestDeviceInThePlaceOfSomethingElseIsRefused(t *testing.T) {
	spec := specOf(newRoot(t), "true")
	spec.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/null", Type: "c", Major: 1, Minor: 5}}

	_, _, err := runSpec(t, spec)

	require.ErrorContains(t, err, "/dev/null")
}

func TestNamespacesOfAnotherContainerAreJoined(t *testing.T) {
	first := startSleeper(t, nil)
	before := namespacesOf(t, unix.Gettid())
	for _, init := range []bool{false, true} {
		spec := specOf(newRoot(t), "cat")
		spec.Linux.Namespaces = []specs.LinuxNamespace{
			{Type: specs.MountNamespace}, {Type: specs.PIDNamespace},
			{Type: specs.NetworkNamespace, Path: fmt.Sprintf("/proc/%d/ns/net", first.Pid())},
			{Type: specs.IPCNamespace, Path: fmt.Sprintf("/proc/%d/ns/ipc", first.Pid())},
			{Type: specs.UTSNamespace, Path: fmt.Sprintf("/proc/%d/ns/uts", first.Pid())},
		}

		second, err := Start(spec, Options{Stdin: true, Init: init})
		require.NoError(t, err)
		defer second.abandon()

		theirs, ours := namespacesOf(t, first.Pid()), namespacesOf(t, second.Pid())
		for _, name := range []string{"net", "ipc", "uts"} {
			require.Equal(t, theirs[name], ours[name], name)
		}
		require.NotEqual(t, theirs["mnt"], ours["mnt"])
		require.NotEqual(t, theirs["pid"], ours["pid"])
		require.Equal(t, before, namespacesOf(t, unix.Gettid()))
	}
}

func TestNamespaceThatCannotBeJoinedIsRefused(t *testing.T) {
	lockThread(t)
	before := namespacesOf(t, unix.Gettid())
	for name, path := range map[string]string{"another kind": "/proc/self/ns/uts", "no namespace": "/etc/passwd", "nothing": "/no/such"} {
		spec := specOf(newRoot(t), "true")
		spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: path})

		_, err := Start(spec, Options{Started: func(int) error { t.Error("init has been started"); return nil }})

		require.Error(t, err, name)
		require.Equal(t, before, namespacesOf(t, unix.Gettid()))
	}
}

// A privileged container may what its caller may, and sees all of the machine.
func TestPrivilegesCanBeExpressed(t *testing.T) {
	all, err := AllCapabilities()
	require.NoError(t, err)
	spec := specOf(newRoot(t), "grep CapEff /proc/self/status; mkdir /sys/fs/cgroup/x 2>/dev/null; grep ' /sys ' /proc/mounts")
	spec.Process.Capabilities = &specs.LinuxCapabilities{Bounding: all, Effective: all, Permitted: all}
	spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"rw", "nosuid"}})
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)

	stdout, _, err := runSpec(t, spec)

	require.NoError(t, err)
	require.Contains(t, stdout, fmt.Sprintf("CapEff:\t%016x\n", maskIn(t, status, "CapBnd")))
	require.Contains(t, stdout, "sysfs /sys sysfs rw,")
}

func TestExecKeepsItsLimits(t *testing.T) {
	container := startSleeper(t, nil)
	process := shell("grep '^Max msgqueue size' /proc/self/limits | tr -s ' ' | cut -d' ' -f4-5; cat /proc/self/oom_score_adj; grep Umask /proc/self/status")
	process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_MSGQUEUE", Soft: 21, Hard: 31}}
	process.OOMScoreAdj = pointer(432)
	process.User.Umask = pointer(uint32(0o027))

	output, _, err := container.exec(t, process)

	require.NoError(t, err)
	require.Equal(t, "21 31\n432\nUmask:\t0027\n", output)
}

// requireCgroup names a cgroup for the test and removes it at its end.
func requireCgroup(t *testing.T) string {
	t.Helper()
	testbed.Require(t, testbed.Root, testbed.CgroupPids)
	return "tinydocker/" + strings.ReplaceAll(testbed.Name(t), "/", "-")
}
