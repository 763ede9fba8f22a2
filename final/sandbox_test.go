package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/base/probe"
	"mytinydocker/internal/testbed"
)

// look returns what a program sees in a container that was started with flags.
func (h *host) look(flags ...string) probe.Report {
	h.t.Helper()
	result := h.tinydocker(append(append([]string{"run", "--rm"}, flags...), "base", "probe")...)
	require.Zero(h.t, result.Code, result.Stderr)
	var report probe.Report
	require.NoError(h.t, json.Unmarshal([]byte(result.Stdout), &report))
	return report
}

func TestNamespacesAreNew(t *testing.T) {
	seen := newHost(t).look()

	require.Equal(t, 1, seen.Pid)
	for _, kind := range []string{"mnt", "pid", "net", "ipc", "uts"} {
		host, err := os.Readlink("/proc/self/ns/" + kind)
		require.NoError(t, err)
		require.NotEqual(t, host, seen.Namespaces[kind])
	}
}

func TestRootIsTheImagesAndNothingElseIsMounted(t *testing.T) {
	host := newHost(t)
	seen := host.look()

	var mounts []string
	for _, mount := range seen.Mounts {
		if !strings.HasPrefix(mount.Mountpoint, "/proc/") && !strings.HasPrefix(mount.Mountpoint, "/sys/") {
			mounts = append(mounts, mount.Mountpoint+" "+mount.Type)
		}
	}
	require.ElementsMatch(t, []string{
		"/ " + host.driver, "/proc proc", "/dev tmpfs", "/dev/pts devpts", "/dev/shm tmpfs", "/dev/mqueue mqueue", "/sys sysfs",
		mountOf(seen, "/etc/hostname"), mountOf(seen, "/etc/hosts"), mountOf(seen, "/etc/resolv.conf"),
	}, mounts)
}

func mountOf(seen probe.Report, mountpoint string) string {
	for _, mount := range seen.Mounts {
		if mount.Mountpoint == mountpoint {
			return mountpoint + " " + mount.Type
		}
	}
	return "nothing on " + mountpoint
}

func TestMountsHaveTheirFlags(t *testing.T) {
	seen := newHost(t).look()
	for mountpoint, wanted := range map[string]string{
		"/":         "nodev",
		"/proc":     "nosuid nodev noexec",
		"/dev":      "nosuid",
		"/dev/pts":  "nosuid noexec",
		"/dev/shm":  "nosuid nodev noexec",
		"/sys":      "ro nosuid nodev noexec",
		"/proc/sys": "ro nosuid nodev noexec",
		"/proc/bus": "ro nosuid nodev noexec",
	} {
		options := ""
		for _, mount := range seen.Mounts {
			if mount.Mountpoint == mountpoint {
				options = mount.Options
			}
		}
		for _, option := range strings.Fields(wanted) {
			require.Contains(t, strings.Split(options, ","), option, "%s: %s", mountpoint, options)
		}
	}
}

func TestCapabilitiesAreFew(t *testing.T) {
	seen := newHost(t).look()

	few := []string{
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
		"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
	}
	require.ElementsMatch(t, few, seen.Capabilities["bounding"])
	require.ElementsMatch(t, few, seen.Capabilities["effective"])
	require.ElementsMatch(t, few, seen.Capabilities["permitted"])
	require.Empty(t, seen.Capabilities["inheritable"])
	require.Empty(t, seen.Capabilities["ambient"])
	require.True(t, seen.NoNewPrivs)
}

func TestOnlyStandardFilesAreOpen(t *testing.T) {
	host := newHost(t)
	command := host.command("run", "--rm", "base", "probe")
	command.Path, command.Args = "/bin/sh", append([]string{"-c", `exec 7</etc/passwd 8</; exec "$@"`, "sh", command.Path}, command.Args...)

	result := command.Run(t)

	require.Zero(t, result.Code, result.Stderr)
	var seen probe.Report
	require.NoError(t, json.Unmarshal([]byte(result.Stdout), &seen))
	require.Len(t, seen.Files, 3, "%v", seen.Files)
}

func TestWorkFolderCannotBeAFileDescriptor(t *testing.T) {
	host := newHost(t)
	for _, descriptor := range []string{"3", "4", "5", "6", "7", "8", "9", "10"} {
		result := host.tinydocker("run", "--rm", "-w", "/proc/self/fd/"+descriptor, "base", "pwd")

		require.Equal(t, 125, result.Code, result.Stdout)
		requireOneLine(t, result.Stderr)
	}
	host.requireNothingLeft()
}

func TestOwnBinaryCannotBeExecuted(t *testing.T) {
	host := newHost(t)

	result := host.base("/proc/self/exe", "version")

	require.Equal(t, 126, result.Code, result.Stdout)
	require.Empty(t, result.Stdout)
	requireOneLine(t, result.Stderr)
}

// Standard input without -i is the container's own /dev/null: its root may do
// to that what it wants, chmod for one, and the host's is everybody's.
func TestNoFileOfTheHostIsStandardInput(t *testing.T) {
	result := newHost(t).base("sh", "-c", "test /proc/self/fd/0 -ef /dev/null && echo own")

	require.Equal(t, testbed.Result{Stdout: "own\n"}, result)
}

// nohup(1) and others ignore signals, and a program inherits that (signal(7)).
func TestIgnoredSignalsOfTheCallerAreNotIgnoredInside(t *testing.T) {
	host := newHost(t)
	command := host.command("run", "--rm", "base", "grep", "SigIgn", "/proc/self/status")
	command.Path, command.Args = "/bin/sh", append([]string{"-c", `trap "" HUP INT TERM PIPE; exec "$@"`, "sh", command.Path}, command.Args...)

	require.Equal(t, testbed.Result{Stdout: "SigIgn:\t0000000000000000\n"}, command.Run(t))
}

func TestUmaskOfTheCallerStaysOutside(t *testing.T) {
	host := newHost(t)
	command := host.command("run", "--rm", "base", "stat", "-c", "%a %n", "/", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev", "/dev/null")
	command.Path, command.Args = "/bin/sh", append([]string{"-c", `umask 077; exec "$@"`, "sh", command.Path}, command.Args...)

	require.Equal(t, testbed.Result{Stdout: "755 /\n644 /etc/hosts\n644 /etc/hostname\n644 /etc/resolv.conf\n755 /dev\n666 /dev/null\n"}, command.Run(t))
}

func TestMaskedFilesAreEmpty(t *testing.T) {
	result := newHost(t).base("sh", "-c", "cat /proc/kcore /proc/keys /proc/timer_list; ls /sys/firmware; echo end")

	require.Equal(t, "end\n", result.Stdout)
}

func TestDevices(t *testing.T) {
	result := newHost(t).base("sh", "-c", `
		cd /dev
		for f in null zero full random urandom tty; do stat -c "%n %a %F" $f; done
		readlink fd stdin stdout stderr ptmx
		echo lost > null && head -c 4 zero | wc -c
		cat /etc/passwd > full || echo is full`)

	require.Equal(t, `null 666 character special file
zero 666 character special file
full 666 character special file
random 666 character special file
urandom 666 character special file
tty 666 character special file
/proc/self/fd
/proc/self/fd/0
/proc/self/fd/1
/proc/self/fd/2
pts/ptmx
4
is full
`, result.Stdout, result.Stderr)
}

func TestLoopbackIsUp(t *testing.T) {
	seen := newHost(t).look()

	require.Len(t, seen.Links, 2, "and a cable to the network that is always there")
	require.Equal(t, "lo", seen.Links[0].Name)
	require.True(t, seen.Links[0].Up)
}

func TestUmaskIsTheUsualOne(t *testing.T) {
	require.Equal(t, 0o022, newHost(t).look().Umask)
}
