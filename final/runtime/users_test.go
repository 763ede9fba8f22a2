package runtime

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// firstUser is who the root of these containers is on the host.
const firstUser = 1 << 30

func usersFrom(first uint32) []specs.LinuxIDMapping {
	return []specs.LinuxIDMapping{{ContainerID: 0, HostID: first, Size: 1 << 16}}
}

// withUsers gives a container users of its own, and a write layer over its root. All
// that is mounted by mapped is as if its own users had made it.
func withUsers(t testing.TB, spec *specs.Spec) (upper string) {
	t.Helper()
	folder := testbed.StateRoot(t)
	for _, name := range []string{"upper", "work", "merged"} {
		require.NoError(t, os.Mkdir(filepath.Join(folder, name), 0o755))
	}
	root := specs.Mount{Destination: "/", Type: "overlay", Source: "overlay", Options: []string{
		"lowerdir+=" + spec.Root.Path, "upperdir=" + folder + "/upper", "workdir=" + folder + "/work"}}
	spec.Root.Path = folder + "/merged"
	spec.Mounts = append([]specs.Mount{mapped(root)}, spec.Mounts...)
	spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace},
		specs.LinuxNamespace{Type: specs.NetworkNamespace}, specs.LinuxNamespace{Type: specs.CgroupNamespace})
	spec.Linux.UIDMappings, spec.Linux.GIDMappings = usersFrom(firstUser), usersFrom(firstUser)
	return folder + "/upper"
}

func mapped(mount specs.Mount) specs.Mount {
	mount.UIDMappings, mount.GIDMappings = usersFrom(firstUser), usersFrom(firstUser)
	return mount
}

func bind(source, destination string) specs.Mount {
	return specs.Mount{Destination: destination, Type: "bind", Source: source, Options: []string{"rbind", "nodev"}}
}

func ownerOf(t testing.TB, path string) [2]uint32 {
	t.Helper()
	var stat unix.Stat_t
	require.NoError(t, unix.Lstat(path, &stat))
	return [2]uint32{stat.Uid, stat.Gid}
}

// allCapabilities are what root has that gives nothing up.
func allCapabilities(t testing.TB) *specs.LinuxCapabilities {
	t.Helper()
	all, err := AllCapabilities()
	require.NoError(t, err)
	return &specs.LinuxCapabilities{Bounding: all, Effective: all, Permitted: all}
}

func TestRootOfAUserNamespaceIsNobodyOnTheHost(t *testing.T) {
	spec := specOf(newRoot(t), "id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map; cat")
	withUsers(t, spec)
	lockThread(t)
	container, err := Start(spec, Options{Stdin: true})
	require.NoError(t, err)
	defer container.abandon()
	require.Equal(t, "0", firstLine(t, container.Stdout))
	require.Equal(t, "0", firstLine(t, container.Stdout))
	for range 2 {
		require.Equal(t, []string{"0", fmt.Sprint(firstUser), "65536"}, strings.Fields(firstLine(t, container.Stdout)))
	}

	require.Equal(t, [2]uint32{firstUser, firstUser}, ownerOf(t, fmt.Sprintf("/proc/%d", container.Pid())))
	for _, name := range []string{"user", "net", "uts", "ipc", "cgroup"} {
		ours, err := os.Readlink("/proc/self/ns/" + name)
		require.NoError(t, err)
		theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", container.Pid(), name))
		require.NoError(t, err)
		require.NotEqual(t, ours, theirs, name)
	}
}

// What is on the disk belongs to users as the container has them: image layers are
// shared, and what is written can become one.
func TestFilesOnDiskKeepTheContainersUsers(t *testing.T) {
	spec := specOf(newRoot(t), `set -e
		test $(stat -c %u:%g /bin) = 0:0; test $(stat -c %u:%g /volume) = 0:0; test $(stat -c %u:%g /lower) = 1000:1001
		touch /made /volume/made; mkdir /folder; chown 7:8 /folder /volume/made
		echo more >> /lower; rm /gone; rm -r /etc; mkdir /etc; ln -s x /link
		chmod 4755 /made; stat -c %a /made`)
	for name, owner := range map[string]int{"lower": 1000, "gone": 0} {
		require.NoError(t, os.WriteFile(filepath.Join(spec.Root.Path, name), []byte("lower\n"), 0o644))
		require.NoError(t, os.Chown(filepath.Join(spec.Root.Path, name), owner, owner+1))
	}
	lower, volume := spec.Root.Path, t.TempDir()
	upper := withUsers(t, spec)
	spec.Process.Capabilities = allCapabilities(t)
	spec.Mounts = append(spec.Mounts, mapped(bind(volume, "/volume")))

	output, status, err := runSpec(t, spec)

	require.NoError(t, err)
	require.Zero(t, status, output)
	require.Equal(t, "4755\n", output)
	for name, owner := range map[string][2]uint32{
		"made": {0, 0}, "folder": {7, 8}, "lower": {1000, 1001}, "etc": {0, 0}, "link": {0, 0}, "gone": {0, 0},
	} {
		require.Equal(t, owner, ownerOf(t, filepath.Join(upper, name)), name)
	}
	require.Equal(t, [2]uint32{7, 8}, ownerOf(t, volume+"/made"))
	require.FileExists(t, lower+"/gone")
	content, err := os.ReadFile(lower + "/lower")
	require.NoError(t, err)
	require.Equal(t, "lower\n", string(content))
}

func TestRootOfAUserNamespaceHasNoPowerOverTheHostsFiles(t *testing.T) {
	spec := specOf(newRoot(t), `
		cat /host/secret || echo unreadable; chown 0 /host/open || echo "not mine"; chmod 777 /host/open || echo "not mine"
		echo more >> /host/open && touch /host/new && stat -c %u:%g /host/secret /host/new
		mknod /node c 1 3 || echo "no node"; mount -t tmpfs x /tmp && echo mounted; mount -o bind,remount,rw /readonly; touch /readonly/x
		echo 1 > /proc/sys/kernel/panic || echo "no setting"; date -s 2001-01-01 || echo "no clock"`)
	withUsers(t, spec)
	spec.Process.Capabilities = allCapabilities(t)
	host := testbed.StateRoot(t)
	require.NoError(t, os.WriteFile(host+"/secret", []byte("of the host's root"), 0o600))
	require.NoError(t, os.WriteFile(host+"/open", nil, 0o666))
	require.NoError(t, os.Chmod(host+"/open", 0o666))
	require.NoError(t, os.Chmod(host, 0o777))
	spec.Mounts = append(spec.Mounts, bind(host, "/host"))

	output, _, err := runSpec(t, spec)

	require.NoError(t, err)
	require.Equal(t, "unreadable\nnot mine\nnot mine\n65534:65534\n0:0\nno node\nmounted\nno setting\nno clock\n", output)
	require.Equal(t, [2]uint32{firstUser, firstUser}, ownerOf(t, host+"/new"))
}

func TestContainerWithUsersHasWhatOthersHave(t *testing.T) {
	root := newRoot(t)
	spec := specOf(root, `set -e
		for device in null zero full random urandom tty sub/mine; do test -c /dev/$device; done
		head -c 5 /dev/zero | wc -c; echo x > /dev/null; stat -c '%u %a' /dev/null /dev/sub/mine /dev
		echo out > /dev/stdout; echo err > /dev/stderr; readlink /proc/self/fd/0
		hostname; cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax; ping -c 1 127.0.0.1 >/dev/null && echo loopback
		ls /sys/class/net; wc -c < /proc/timer_list; ls /proc/fs; grep files /proc/self/limits
		touch /sys/x 2>/dev/null || echo read-only; echo 1 > /proc/sys/net/ipv4/ip_forward || echo read-only`)
	withUsers(t, spec)
	spec.Hostname = "somebody"
	spec.Process.Capabilities = allCapabilities(t)
	spec.Process.NoNewPrivileges = true
	spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 99, Hard: 100}}
	spec.Process.OOMScoreAdj = pointer(500)
	spec.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/sub/mine", Type: "c", Major: 1, Minor: 5, FileMode: pointer(os.FileMode(0o640))}}
	spec.Linux.Sysctl = map[string]string{"net.ipv4.ip_unprivileged_port_start": "0", "kernel.msgmax": "12345"}
	spec.Linux.ReadonlyPaths, spec.Linux.MaskedPaths = []string{"/proc/sys"}, []string{"/proc/timer_list", "/proc/fs"}
	spec.Mounts = append(spec.Mounts,
		specs.Mount{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		specs.Mount{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid"}},
		specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}})

	output, status, err := runSpec(t, spec)

	require.NoError(t, err)
	require.Zero(t, status, output)
	require.Equal(t, "5 0 666 0 640 0 755 out /dev/null somebody 0 12345 loopback lo 0 Max open files 99 100 files read-only read-only",
		strings.Join(strings.Fields(output), " "))
}

func TestTerminalOfAContainerWithUsers(t *testing.T) {
	spec := specOf(newRoot(t), "tty; stat -c '%u %g' /dev/pts/0 /dev/console; echo hello > /dev/console")
	withUsers(t, spec)
	spec.Process.Terminal = true
	spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}})
	lockThread(t)
	container, err := Start(spec, Options{})
	require.NoError(t, err)
	defer container.abandon()

	output, _ := io.ReadAll(container.Console) // ends with EIO

	require.Equal(t, "/dev/pts/0\r\n0 5\r\n0 5\r\nhello\r\n", string(output))
}

func TestReaperOfAContainerWithUsers(t *testing.T) {
	spec := specOf(newRoot(t), "test $$ = 2 && id -u && grep -c . /proc/1/status && stat -c %u /proc/1 && exit 7")
	withUsers(t, spec)
	lockThread(t)
	container, err := Start(spec, Options{Init: true})
	require.NoError(t, err)
	output, err := io.ReadAll(container.Stdout)
	require.NoError(t, err)
	status, err := container.Wait()

	require.NoError(t, err)
	require.Equal(t, 7, status, string(output))
	require.True(t, strings.HasPrefix(string(output), "0\n"), string(output))
}

// startMapped starts a container with users of its own that waits.
func startMapped(t *testing.T) *running {
	t.Helper()
	return startSleeper(t, func(spec *specs.Spec) {
		spec.Linux.Namespaces = spec.Linux.Namespaces[:4]
		withUsers(t, spec)
		spec.Process.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"CAP_CHOWN"}, Permitted: []string{"CAP_CHOWN"}, Effective: []string{"CAP_CHOWN"}}
	})
}

func TestExecJoinsTheUsersOfAContainer(t *testing.T) {
	container := startMapped(t)
	for _, user := range []uint32{0, 1000} {
		process := shell("id -u; stat -L -c %u /proc/self; echo seen > /dev/stdout; cat")
		process.User.UID, process.User.GID = user, user
		options := container.options()
		options.UIDMappings, options.GIDMappings = usersFrom(firstUser), usersFrom(firstUser)
		options.Stdin = true

		started, err := Exec(process, options)

		require.NoError(t, err)
		t.Cleanup(started.abandon)
		require.Equal(t, fmt.Sprint(user), firstLine(t, started.Stdout))
		require.Equal(t, fmt.Sprint(user), firstLine(t, started.Stdout))
		require.Equal(t, "seen", firstLine(t, started.Stdout))
		require.Equal(t, namespacesOf(t, container.Pid()), namespacesOf(t, started.Pid()))
		require.Equal(t, [2]uint32{firstUser + user, firstUser + user}, ownerOf(t, fmt.Sprintf("/proc/%d", started.Pid())))
	}
}

func TestExecGrantsInAUserNamespaceWhatRunGrants(t *testing.T) {
	container := startMapped(t)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", container.Pid()))
	require.NoError(t, err)
	process := shell("cat /proc/self/status")
	process.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"CAP_CHOWN"}, Permitted: []string{"CAP_CHOWN"}, Effective: []string{"CAP_CHOWN"}}
	process.Terminal = true
	options := container.options()
	options.UIDMappings, options.GIDMappings = usersFrom(firstUser), usersFrom(firstUser)

	started, err := Exec(process, options)

	require.NoError(t, err)
	defer started.abandon()
	output, _ := io.ReadAll(started.Console)
	outside := strings.ReplaceAll(string(status), fmt.Sprint(firstUser), "0") // the numbers are those of who reads them
	require.Equal(t, privileges(outside), privileges(strings.ReplaceAll(string(output), "\r", "")))
}

// A record that is damaged must not have root of the host run in a container that was
// made for somebody else, nor the other way round.
func TestExecJoinsNoUsersThatItIsNotTold(t *testing.T) {
	ours, theirs := startSleeper(t, nil), startMapped(t)

	_, err := Exec(shell("true"), theirs.options())
	require.ErrorContains(t, err, "users")

	options := ours.options()
	options.UIDMappings, options.GIDMappings = usersFrom(firstUser), usersFrom(firstUser)
	_, err = Exec(shell("true"), options)
	require.ErrorContains(t, err, "users")
}

func TestUsersThatAreNotAContainersOwnAreRefused(t *testing.T) {
	for name, change := range map[string]func(*specs.Spec){
		"no mapping":      func(s *specs.Spec) { s.Linux.UIDMappings = nil },
		"no namespace":    func(s *specs.Spec) { s.Linux.Namespaces = s.Linux.Namespaces[:4] },
		"host's root":     func(s *specs.Spec) { s.Linux.UIDMappings[0].HostID = 0 },
		"host's users":    func(s *specs.Spec) { s.Linux.UIDMappings[0].HostID = 1000 },
		"wraps around":    func(s *specs.Spec) { s.Linux.UIDMappings[0].HostID = 1<<32 - 10 },
		"not root inside": func(s *specs.Spec) { s.Linux.UIDMappings[0].ContainerID = 1 },
		"two ranges":      func(s *specs.Spec) { s.Linux.GIDMappings = append(s.Linux.GIDMappings, s.Linux.GIDMappings[0]) },
		"unequal":         func(s *specs.Spec) { s.Linux.GIDMappings[0].HostID += 1 << 20 },
		"none":            func(s *specs.Spec) { s.Linux.UIDMappings[0].Size = 0 },
		"mount of others": func(s *specs.Spec) { s.Mounts[0].UIDMappings[0].HostID += 1 << 20 },
		"half a mount":    func(s *specs.Spec) { s.Mounts[0].GIDMappings = nil },
		"unmapped root":   func(s *specs.Spec) { s.Mounts[0].UIDMappings, s.Mounts[0].GIDMappings = nil, nil },
		"mapped tmpfs":    func(s *specs.Spec) { s.Mounts[2] = mapped(s.Mounts[2]) },
		"aufs":            func(s *specs.Spec) { s.Mounts[0].Type = "aufs" },
		"joined": func(s *specs.Spec) {
			s.Linux.Namespaces[5].Path = "/proc/self/ns/net"
		},
		"joined users": func(s *specs.Spec) {
			s.Linux.Namespaces[4].Path = "/proc/self/ns/user"
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec := specOf("/no/such", "true")
			withUsers(t, spec)
			change(spec)

			_, err := Start(spec, Options{Started: func(int) error {
				t.Error("init has been started")
				return nil
			}})

			require.ErrorContains(t, err, "specification")
		})
	}
}

// A file system that cannot map users, as sysfs, is refused in one line, and nothing is left.
func TestMountThatCannotBeMappedIsRefused(t *testing.T) {
	spec := specOf(newRoot(t), "true")
	withUsers(t, spec)
	spec.Mounts = append(spec.Mounts, mapped(bind("/sys/kernel", "/volume")))
	before := openFiles(t)

	_, _, err := runSpec(t, spec)

	require.ErrorContains(t, err, "map the users of /sys/kernel")
	require.NotContains(t, err.Error(), "\n")
	require.Equal(t, before, openFiles(t))
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

func TestMappedMountsLeaveNoFileOpen(t *testing.T) {
	root, volume := newRoot(t), t.TempDir()
	run := func(own bool) string {
		spec := specOf(root, "echo /proc/self/fd/*")
		if own {
			withUsers(t, spec)
			for number := range 300 { // more than one message takes (unix(7), SCM_RIGHTS)
				spec.Mounts = append(spec.Mounts, mapped(bind(volume, fmt.Sprint("/volume", number))))
			}
		}
		output, _, err := runSpec(t, spec)
		require.NoError(t, err)
		return output
	}
	run(true)
	before := openFiles(t)

	require.Equal(t, run(false), run(true))

	require.Equal(t, before, openFiles(t))
}

// Who types the steps does so where the host's own /dev is.
func TestStepsOfAContainerWithUsersLeaveTheHostAlone(t *testing.T) {
	spec := specOf(newRoot(t), "cat /proc/mounts")
	withUsers(t, spec)
	volume := t.TempDir()
	spec.Mounts = append(spec.Mounts, mapped(bind(volume, "/volume")))

	steps, output := explained(t, spec, Options{})

	pivot := slices.IndexFunc(steps, func(step string) bool { return strings.HasPrefix(step, "pivot_root") })
	require.Positive(t, pivot)
	for _, step := range steps[:pivot] {
		require.NotContains(t, step, " /dev", step)
		require.NotContains(t, step, " /proc ", step)
	}
	all := strings.Join(steps, "\n")
	require.Contains(t, all, fmt.Sprintf("--map-users=0:%d:65536", firstUser))
	require.Contains(t, all, fmt.Sprintf("mknod -m 666 %s/dev/null c 1 3\nchown %d:%d %s/dev/null", spec.Root.Path, firstUser, firstUser, spec.Root.Path))
	require.Regexp(t, `mount --rbind -o X-mount\.idmap=/proc/\d+/ns/user `+volume+" "+spec.Root.Path+"/volume", all)
	require.Contains(t, output, "tmpfs /dev tmpfs")
	require.Contains(t, output, "proc /proc proc")
}
