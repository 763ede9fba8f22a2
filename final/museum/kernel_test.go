package museum

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/testbed"
)

// CVE-2015-3630, Docker, and the way out that needs no bug: /proc/sys/kernel/core_pattern
// names a program that the kernel starts as root of the host when a process crashes;
// /proc/sysrq-trigger stops the machine.
//
// Here /proc/sys and its like are mounted read-only a second time, over themselves.
func TestWritingSettingsOfTheKernel(t *testing.T) {
	m := open(t)
	paths := existing("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/hostname",
		"/proc/sysrq-trigger", "/proc/irq/default_smp_affinity", "/sys/kernel/uevent_helper", "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/class/net/lo/mtu")

	m.everywhere(m.visit(""), lines(paths, "EROFS"), append([]string{"/probe", "write"}, paths...)...)
}

// existing are those of paths that this kernel has.
func existing(paths ...string) (found []string) {
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			found = append(found, path)
		}
	}
	return found
}

// lines is what the probe says when everything has one answer.
func lines(what []string, answer string) string {
	var all strings.Builder
	for _, one := range what {
		fmt.Fprintln(&all, one, answer)
	}
	return all.String()
}

// CVE-2017-16539 and others: files of /proc and /sys that have no namespace tell of the
// host: its memory, its keys, its timers, and with power meters what others compute
// (CVE-2020-8694).
//
// Here they are hidden below /dev/null and empty folders (final/runtime/protect.go).
func TestReadingWhatTellsOfTheHost(t *testing.T) {
	m := open(t)
	files := existing("/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/interrupts", "/proc/kcore")
	m.everywhere(m.visit(""), lines(files, "empty"), append([]string{"/probe", "read"}, files...)...)

	folders := existing("/sys/firmware", "/proc/acpi", "/proc/scsi", "/proc/asound", "/sys/devices/virtual/powercap")
	require.NotEmpty(t, folders)
	m.everywhere(m.visit(""), "0\n", sh("for d in "+strings.Join(folders, " ")+"; do ls -A $d; done | wc -l")...)
}

// What is hidden by a mount is seen by who can unmount it.
//
// Here nobody can: it takes CAP_SYS_ADMIN, and the filter forbids it, too. Each of them
// stands alone.
func TestUncoveringWhatIsHidden(t *testing.T) {
	m := open(t)
	paths := existing("/proc/sys", "/proc/sysrq-trigger", "/sys/firmware", "/proc/keys", "/sys")
	for _, flags := range []string{"", "--security-opt seccomp=unconfined"} {
		m.everywhere(m.visit(flags), lines(paths, "EPERM")+lines(paths, "EPERM"),
			sh("/probe umount "+strings.Join(paths, " ")+"; /probe remount "+strings.Join(paths, " "))...)
	}
}

// CVE-2022-0492, and the trick before it: in cgroup version 1, release_agent names a
// program that the kernel starts as root of the host when a group becomes empty. Whoever
// can mount cgroups, or finds them mounted writable, writes it.
//
// Here the container has a cgroup namespace, sees its own group, and read-only.
func TestCgroupsStartAProgramOfTheHost(t *testing.T) {
	m := open(t)
	m.everywhere(m.visit(""), lines([]string{"mount-cgroup", "mount-cgroup2", "unshare-cgroup"}, "EPERM"), "/probe", "try", "mount-cgroup", "mount-cgroup2", "unshare-cgroup")
	m.everywhere(m.visit("--security-opt seccomp=unconfined"), lines([]string{"mount-cgroup", "unshare-cgroup"}, "EPERM"), "/probe", "try", "mount-cgroup", "unshare-cgroup")
	m.everywhere(m.visit(""), "/\n", sh("cut -d: -f3 /proc/self/cgroup | sort -u")...)
}

// The same where groups are mounted for the container, so that programs know their
// limits: all of it must be read-only, and show nothing above the container's own group.
func TestGroupsOfTheContainerAreWritten(t *testing.T) {
	m := open(t)
	v := m.visit("--pids-limit 77")
	m.everyWay(v, sh("grep -E ' /sys/fs/cgroup[ /]' /proc/self/mountinfo"), func(t *testing.T, result testbed.Result) {
		require.Contains(t, result.Stdout, " /sys/fs/cgroup ")
		for line := range strings.Lines(result.Stdout) {
			fields := strings.Fields(line)
			require.True(t, strings.HasPrefix(fields[5], "ro,nosuid,nodev,noexec"), line)
			require.Equal(t, "/", fields[3], line)
		}
	})
	m.everywhere(v, "77\n0\n", sh("cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max; find /sys/fs/cgroup -name release_agent | wc -l")...)
	m.everyWay(v, sh("for d in /sys/fs/cgroup/ /sys/fs/cgroup/*/; do [ ! -d $d ] || /probe mkdir $d/x; done; /probe write $(find /sys/fs/cgroup -name cgroup.procs; find /sys/fs/cgroup -name pids.max)"),
		func(t *testing.T, result testbed.Result) {
			require.Regexp(t, `^([^ ]+/x EROFS\n)+([^ ]+/cgroup.procs EROFS\n)+[^ ]+/pids.max EROFS\n$`, result.Stdout)
		})
}

// A runtime that keeps the capabilities of root keeps root of the host (CAP_SYS_ADMIN
// alone has been called the new root); CVE-2018-10856, podman: a user without privileges
// kept them, too.
func TestMoreCapabilitiesThanAProgramNeeds(t *testing.T) {
	m := open(t)
	const few, none = "00000000800405fb", "0000000000000000"
	status := func(inheritable, permitted, effective, bounding, ambient string) string {
		return fmt.Sprintf("CapInh:\t%s\nCapPrm:\t%s\nCapEff:\t%s\nCapBnd:\t%s\nCapAmb:\t%s\n", inheritable, permitted, effective, bounding, ambient)
	}
	look := sh("grep ^Cap /proc/self/status")
	m.everywhere(m.visit(""), status(none, few, few, few, none), look...)
	m.everywhere(m.visit("--cap-drop ALL"), status(none, none, none, none, none), look...)
	m.everywhere(m.visit("-u 1000"), status(none, none, none, few, none), look...)
	name := m.keep(m.visit(""))
	require.Equal(t, status(none, none, none, few, none), m.ok(append([]string{"exec", "-u", "1000:0", name}, look...)...)+"\n")
}

// CVE-2022-24769, Docker, CVE-2022-27649 to 27652, podman, buildah and crun, CVE-2022-29162,
// runc: inheritable capabilities were not empty. A file that has some passes them on to
// who is not root.
func TestInheritedCapabilities(t *testing.T) {
	m := open(t)
	// security.capability, version 2: all as inheritable, effective (capabilities(7)).
	const attribute = "SCHILY.xattr.security.capability"
	program := file("program", string(contentOf(t, probePath(t))))
	program.PAXRecords = map[string]string{attribute: "\x01\x00\x00\x02\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00\xff\x01\x00\x00"}
	v := m.image("capable", []tar.Header{program})
	v.flags += " -u 1000 --security-opt no-new-privileges=false"

	m.everywhere(v, "socket-raw EPERM\nmknod-disk EPERM\n", "/program", "try", "socket-raw", "mknod-disk")
	m.everywhere(v, "CapInh:\t0000000000000000\n", "grep", "CapInh", "/proc/self/status")
}

func contentOf(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return content
}

// A program with the setuid bit, or with capabilities of its own, makes more of who runs
// it: an image brings its own.
//
// Here no_new_privs is set (PR_SET_NO_NEW_PRIVS(2const)), by run and by exec.
func TestProgramsThatMakeRoot(t *testing.T) {
	m := open(t)
	setuid, capable := file("setuid", string(contentOf(t, probePath(t)))), file("capable", string(contentOf(t, probePath(t))))
	setuid.Mode = 0o4755
	capable.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\xfb\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"}
	v := m.image("setuid", []tar.Header{setuid, capable})
	v.flags += " -u 1000"

	m.everywhere(v, "euid 1000: done\nCapEff:\t0000000000000000\n", sh("/setuid who; /capable status CapEff")...)
	v.flags += " --security-opt no-new-privileges=false"
	m.everywhere(v, "euid 0: done\nCapEff:\t00000000000000fb\n", sh("/setuid who; /capable status CapEff")...)
}

// The kernel is one for all, and each bug in it is a way out: those that are reached by
// calls that no container needs are shut off with them. CVE-2022-0185 (fsconfig),
// CVE-2016-0728 (keyctl), CVE-2021-22555 and CVE-2022-34918 (user namespaces),
// CVE-2022-29582 (io_uring), CVE-2015-1328, Shocker (open_by_handle_at).
//
// Here a filter (seccomp(2)) refuses what Docker's refuses; what no longer exists when a
// program is told so is ENOSYS, so that it does without.
func TestSystemCallsThatNobodyNeeds(t *testing.T) {
	m := open(t)
	forbidden := []string{
		"mount", "mount-proc", "umount-proc", "pivot_root", "open_tree", "move_mount", "fsopen", "mount_setattr", "unshare-user", "unshare-mount",
		"clone-user", "clone-mount", "setns", "keyctl", "add_key", "request_key", "bpf", "userfaultfd", "perf_event_open", "io_uring_setup",
		"kexec_load", "finit_module", "open_by_handle_at", "pidfd_getfd", "process_madvise", "quotactl", "fanotify_init", "settimeofday", "swapon",
		"acct", "sethostname", "syslog", "personality",
	}
	m.everywhere(m.visit(""), lines(forbidden, "EPERM"), append([]string{"/probe", "try"}, forbidden...)...)
	m.everywhere(m.visit("-u 1000"), lines(forbidden, "EPERM"), append([]string{"/probe", "try"}, forbidden...)...)
	m.everywhere(m.visit(""), lines([]string{"clone3", "unknown"}, "ENOSYS"), "/probe", "try", "clone3", "unknown")
	m.everywhere(m.visit("--cap-add SYS_ADMIN"), lines([]string{"keyctl", "io_uring_setup", "pivot_root"}, "EPERM"), "/probe", "try", "keyctl", "io_uring_setup", "pivot_root")
}

// Without the filter, the capabilities must do: what makes root of the host takes one
// that a container does not have.
func TestCapabilitiesStandAlone(t *testing.T) {
	m := open(t)
	forbidden := []string{
		"mount", "mount-proc", "umount-proc", "pivot_root", "open_tree", "fsopen", "unshare-mount", "clone-mount", "setns",
		"swapon", "acct", "sethostname", "mknod-disk", "mknod-memory", "socket-raw", "socket-packet",
	}
	m.everywhere(m.visit("--security-opt seccomp=unconfined"), lines(forbidden, "EPERM"), append([]string{"/probe", "try"}, forbidden...)...)
}

// Families of sockets that lead to the kernel's ciphers or to the hypervisor. A copy bug
// behind AF_ALG made root of everybody in 2026; Docker forbids it since.
//
// Here as well; and the kernel reads 32 bits of a family where a register has 64.
func TestSocketsIntoTheKernel(t *testing.T) {
	m := open(t)
	forbidden := []string{"socket-alg", "socket-alg-64", "socket-vsock"}
	m.everywhere(m.visit(""), lines(forbidden, "EPERM"), append([]string{"/probe", "try"}, forbidden...)...)
}

// A filter that looks at numbers alone is passed by with the numbers of another
// architecture: those of 32 bits (int 0x80), or x32.
//
// Here a foreign way in kills the process (SIGSYS); where the kernel has none, it is a
// fault. x32 is ENOSYS.
func TestSystemCallsByAnotherDoor(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the other doors are those of x86-64")
	}
	m := open(t)
	m.everywhere(m.visit(""), "x32 ENOSYS\n", "/probe", "x32")
	m.everyWay(m.visit(""), []string{"/probe", "i386"}, func(t *testing.T, result testbed.Result) {
		require.NotContains(t, result.Stdout, "i386 true")
		require.NotZero(t, result.Code)
	})
	if !strings.Contains(testbed.Run(t, probePath(t), "i386").Stdout, "i386 true") {
		t.Skip("this kernel has no other door: what was tried above, it refuses itself (CONFIG_IA32_EMULATION)")
	}
}

// The kernel's log tells where it is in memory, what other containers do, and sometimes
// what they say.
func TestLogOfTheKernel(t *testing.T) {
	m := open(t)
	m.everywhere(m.visit(""), "syslog-read EPERM\nsyslog EPERM\n/dev/kmsg ENOENT\n", sh("/probe try syslog-read syslog; /probe read /dev/kmsg")...)
}

// A program inherits the session keyring of who started it: keys of the host's file
// systems, tickets of Kerberos.
//
// Here it gets a keyring of its own, in which there is nothing; so it is without the
// filter, too, that forbids keyctl(2).
func TestKeysOfTheHost(t *testing.T) {
	runtime.LockOSThread() // a keyring is a thread's, and what that starts inherits it
	defer runtime.UnlockOSThread()
	_, err := unix.KeyctlJoinSessionKeyring("museum")
	require.NoError(t, err)
	name := testbed.Name(t)
	key, err := unix.AddKey("user", name, []byte("secret"), unix.KEY_SPEC_SESSION_KEYRING)
	require.NoError(t, err)
	defer unix.KeyctlInt(unix.KEYCTL_REVOKE, key, 0, 0, 0)
	require.Equal(t, "keys done\n", testbed.Run(t, probePath(t), "keys", name).Stdout, "a program of the host's finds it")
	m := open(t)

	// Not in subtests: they have threads of their own, without the keys.
	for flags, want := range map[string]string{"--security-opt seccomp=unconfined": "keys ENOKEY\n", "": "keys EPERM\n"} {
		visitor := m.visit(flags)
		require.Equal(t, want, m.runs(visitor, "/probe", "keys", name).Stdout, "run")
		require.Equal(t, want, m.tinydocker("exec", m.keep(visitor), "/probe", "keys", name).Stdout, "exec")
	}
}

// CVE-2017-5226, bubblewrap, and each runtime that passes its terminal on: a program can
// type into its terminal (TIOCSTI). What it types is read when it has ended, by the shell
// of the operator.
//
// Here the terminal of a container is made in its own /dev/pts. What it types, it types to
// itself; and without -t it has none.
func TestTypingIntoTheOperatorsTerminal(t *testing.T) {
	m := open(t)
	name := m.keep(m.visit(""))
	look := []string{"/probe", "read", "/dev/tty"}
	for _, words := range [][]string{m.visit("").words("run", "--rm", look), append([]string{"exec", name}, look...)} {
		require.Equal(t, "/dev/tty ENXIO\r\n", m.command(words...).Terminal(t).Wait().Stdout, "%q", words)
	}
	m.everywhere(m.visit(""), "/dev/tty ENXIO\n", look...)
	for _, words := range [][]string{
		m.visit("-it").words("run", "--rm", sh("/probe type TYPED; tty; echo done")),
		append([]string{"exec", "-it", name}, sh("/probe type TYPED; tty; echo done")...),
	} {
		command := m.command(words...)
		// What is left in the operator's terminal is read by whoever comes next.
		command.Path, command.Args = "/bin/sh", append([]string{"-c", `"$@"; echo next; IFS= read -r -t 1 line 2>/dev/null || :; echo "left=$line"`, "sh", command.Path}, command.Args...)
		terminal := command.Terminal(t)
		terminal.Expect("/dev/pts/0")
		terminal.Expect("next")
		terminal.Send("\n")
		printed := terminal.Wait().Stdout
		require.Contains(t, printed, "left=")
		require.NotContains(t, printed, "left=TYPED")
	}
}

// Where the mounts of the host are shared, as systemd makes them, those of a container
// appear on the host, and its unmounts take the host's away.
//
// Here the container's mount namespace is private before anything is mounted in it.
func TestMountsThatReachTheHost(t *testing.T) {
	m := open(t)
	require.NoError(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""))
	t.Cleanup(func() { require.NoError(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")) })
	outside := folder(t)
	v := m.visit("--cap-add SYS_ADMIN -v " + outside + ":/host")
	before := mounts(t)

	m.everywhere(v, "mount done\numount-proc done\n", "/probe", "try", "mount", "umount-proc")
	m.everyWay(v, sh("/probe try mount >/dev/null && mkdir -p /host/made && mount -t tmpfs none /host/made && echo mounted"), func(t *testing.T, result testbed.Result) {
		require.Contains(t, result.Stdout, "mounted", result.Stderr)
	})
	m.everyRun(v, []string{"/no/such"}, func(*testing.T, testbed.Result) {})
	killed := m.command(v.words("run", "--rm", sh("echo ready; sleep 1000"))...).Start(t)
	killed.Expect("ready")
	killed.Signal(syscall.SIGKILL)
	killed.Wait()
	m.ok("ps")

	require.Equal(t, before, mounts(t))
}

// After chroot(2) the host's root is still there, behind the new one; and what is mounted
// tells its paths.
//
// Here it is unmounted, and layers are named by open files.
func TestRootOfTheHostIsStillThere(t *testing.T) {
	m := open(t)
	m.everyWay(m.visit(""), sh("cat /proc/self/mountinfo /proc/mounts; ls -A /"), func(t *testing.T, result testbed.Result) {
		for line := range strings.Lines(result.Stdout) {
			require.False(t, strings.Contains(line, m.root) && !strings.Contains(line, " /etc/"), line)
			if fields := strings.Fields(line); len(fields) > 5 && strings.HasPrefix(fields[1], "/") {
				require.NotContains(t, fields[1], "/.pivot", line)
			}
		}
	})
	m.everywhere(m.visit(""), "same root true done\n", "/probe", "chroot")
}

// A volume that is read-only, but for the mounts below it; or until somebody mounts it
// again, writable.
//
// Here the restriction is that of the whole tree (mount_setattr(2), AT_RECURSIVE).
func TestReadOnlyVolumeIsWritten(t *testing.T) {
	m := open(t)
	outside := folder(t, "x")
	below := filepath.Join(outside, "below")
	require.NoError(t, os.Mkdir(below, 0o755))
	require.NoError(t, unix.Mount("none", below, "tmpfs", 0, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(below, 0)) })
	v := m.visit("-v " + outside + ":/data:ro -v " + outside + "/x:/file:ro")

	m.everywhere(v, "refused\n/file EROFS\n/data EPERM\n/data EPERM\n", sh("touch /data/y /data/below/y 2>/dev/null || echo refused; /probe write /file; /probe remount /data; /probe umount /data")...)
	m.everyWay(v, sh("grep -E ' /(data|data/below|file) ' /proc/self/mountinfo"), func(t *testing.T, result testbed.Result) {
		require.Equal(t, 3, strings.Count(result.Stdout, " ro,nosuid,nodev"), result.Stdout)
	})
	require.NoFileExists(t, below+"/y")
}

// A container without limits takes the machine from all others: with processes, with
// memory that is a file, with files.
//
// Here there are 2048 processes by default, and what is memory has a size.
func TestTakingTheWholeMachine(t *testing.T) {
	m := open(t)
	testbed.Require(t, testbed.CgroupPids)
	name := m.keep(m.visit(""))
	require.Equal(t, "2048", m.ok("inspect", "-f", "{{.HostConfig.PidsLimit}}", name))
	require.Equal(t, "2048\n", limitOf(t, m.ok("inspect", "-f", "{{.State.Pid}}", name)))
	m.everyWay(m.visit(""), sh("grep -E ' /dev(/shm)? ' /proc/mounts"), func(t *testing.T, result testbed.Result) {
		require.Equal(t, 2, strings.Count(result.Stdout, "size=65536k"), result.Stdout)
	})
	m.everyWay(m.visit("--pids-limit 30"), []string{"forkbomb", "200"}, func(t *testing.T, result testbed.Result) {
		require.Regexp(t, `^forked [12]?\d: `, result.Stdout)
	})
}

// limitOf is pids.max of the group of a process.
func limitOf(t *testing.T, pid string) string {
	t.Helper()
	for line := range strings.Lines(string(contentOf(t, "/proc/"+pid+"/cgroup"))) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		for _, root := range []string{"/sys/fs/cgroup/pids", "/sys/fs/cgroup"} {
			content, err := os.ReadFile(filepath.Join(root, fields[2], "pids.max"))
			if err == nil && (fields[1] == "pids" || fields[1] == "") && strings.Contains(fields[2], "tinydocker") {
				return string(content)
			}
		}
	}
	t.Fatal("the group of process " + pid + " has no limit")
	return ""
}

// Limits that are lowered for the container must not be raised by it, and its processes
// go before those who watch them when memory runs out.
func TestRaisingOnesOwnLimits(t *testing.T) {
	m := open(t)
	m.everywhere(m.visit("--ulimit nofile=64:128"), "refused\n128\n", sh("ulimit -n 4096 2>/dev/null || echo refused; grep 'open files' /proc/self/limits | tr -s ' ' | cut -d' ' -f5")...)
	m.everywhere(m.visit(""), "0\n", sh("echo -1000 2>/dev/null >/proc/self/oom_score_adj; cat /proc/self/oom_score_adj")...)
}
