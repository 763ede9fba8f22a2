package runtime

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"mytinydocker/final/explain"
	"mytinydocker/internal/testbed"
)

// explained starts the container of a specification and returns its steps, and what
// its program has printed.
func explained(t *testing.T, spec *specs.Spec, options Options) (steps []string, output string) {
	t.Helper()
	lockThread(t)
	options.Log = func(step explain.Step) { steps = append(steps, step.String()) }
	container, err := Start(spec, options)
	require.NoError(t, err)
	output = everything(t, container)
	return steps, output
}

// simple is a container with a bit of everything, which finds the host's tools in
// /usr: those of its image know nothing of mounts.
func simple(t *testing.T, command string) *specs.Spec {
	spec := specOf(newRoot(t), command)
	upper := testbed.StateRoot(t)
	for _, name := range []string{"upper", "work", "merged", "volume:a,b"} {
		require.NoError(t, os.Mkdir(filepath.Join(upper, name), 0o755))
	}
	overlay := specs.Mount{Destination: "/", Type: "overlay", Source: "overlay", Options: []string{
		"lowerdir+=" + spec.Root.Path, "upperdir=" + upper + "/upper", "workdir=" + upper + "/work"}}
	spec.Root.Path = upper + "/merged"
	spec.Hostname = "somebody"
	spec.Process.Env = []string{"PATH=/usr/bin:/usr/sbin:/bin"}
	spec.Process.User.AdditionalGids = []uint32{7}
	spec.Process.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"CAP_CHOWN", "CAP_KILL"}, Permitted: []string{"CAP_CHOWN", "CAP_KILL"}, Effective: []string{"CAP_CHOWN", "CAP_KILL"}}
	spec.Process.NoNewPrivileges = true
	spec.Mounts = append([]specs.Mount{overlay}, spec.Mounts...)
	spec.Mounts = append(spec.Mounts,
		specs.Mount{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}},
		specs.Mount{Destination: "/volume", Type: "bind", Source: upper + "/volume:a,b", Options: []string{"bind", "ro", "nosuid"}})
	for _, folder := range []string{"/usr", "/lib", "/lib64"} {
		spec.Mounts = append(spec.Mounts, specs.Mount{Destination: folder, Type: "bind", Source: folder, Options: []string{"rbind"}})
	}
	own(spec, specs.NetworkNamespace)
	spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_MSGQUEUE", Soft: 20, Hard: 30}}
	spec.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/sub/zero", Type: "c", Major: 1, Minor: 5, GID: pointer(uint32(7)), FileMode: pointer(os.FileMode(0o640))}}
	spec.Linux.Sysctl = map[string]string{"kernel.msgmax": "12345"}
	spec.Linux.ReadonlyPaths, spec.Linux.MaskedPaths = []string{"/proc/sys"}, []string{"/proc/kcore", "/proc/acpi"}
	return spec
}

// The steps are what a person would type: typed into a shell, they make the same
// container.
func TestStepsMakeTheSameContainer(t *testing.T) {
	testbed.Require(t, testbed.Root, testbed.BaseImage, testbed.Overlay)
	command := `hostname; cat /proc/sys/kernel/msgmax; ls -l /dev | sed 's/^[^ ]* *[^ ]* //' | grep -v total; umask; pwd; grep -E '^(Uid|Gid|Groups|Cap|NoNew)' /proc/self/status; grep msgqueue /proc/self/limits; ls -l /dev/sub; ls -a /volume; grep lo: /proc/net/dev | cut -d: -f1; sed 's/^[0-9]* [0-9]* [0-9:]* //; s/ - / /' /proc/self/mountinfo | cut -d' ' -f2,3 | sort`
	steps, want := explained(t, simple(t, command), Options{})
	require.True(t, strings.HasPrefix(steps[0], "unshare --mount --pid --uts --ipc --net --fork sh"), steps[0])
	shell := exec.Command("sh", "-c", strings.TrimSuffix(steps[0], "sh")+"sh -es")
	shell.Stdin = strings.NewReader(strings.Join(steps[1:], "\n") + "\n")
	shell.Env = []string{"PATH=/usr/bin:/usr/sbin:/bin"}
	got, err := shell.CombinedOutput()

	require.NoError(t, err, "%s", got)
	require.Equal(t, normal(want), normal(string(got)))
}

func TestExecNamesItsSteps(t *testing.T) {
	container := startSleeper(t, nil)
	var steps []string
	options := container.options()
	options.Log = func(step explain.Step) { steps = append(steps, step.String()) }
	started, err := Exec(shell("true"), options)
	require.NoError(t, err)
	everything(t, started)

	require.Equal(t, []string{
		fmt.Sprintf("nsenter --target %d --mount --uts --ipc --net --pid --cgroup sh", container.Pid()), "umask 0022", "cd /",
		"setpriv --reuid=0 --regid=0 --clear-groups --bounding-set=-all --inh-caps=-all sh -c true",
	}, steps)
}

func TestStepsNameFilesByTheirPaths(t *testing.T) {
	first := startSleeper(t, nil)
	namespace := open(t, fmt.Sprintf("/proc/%d/ns/net", first.Pid()))
	spec := specOf(newRoot(t), "true")
	spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: pathOfFile(namespace)})

	steps, _ := explained(t, spec, Options{Init: true})

	require.Equal(t, fmt.Sprintf("nsenter --net=/proc/%d/fd/%d sh", os.Getpid(), namespace.Fd()), steps[0])
	require.Equal(t, "/etc/passwd", realPath(pathOfFile(open(t, "/etc/passwd"))))
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { file.Close() })
	return file
}

// normal leaves out what no two runs have in common.
func normal(output string) string {
	return regexp.MustCompile(`[A-Z][a-z]{2} +\d+ +\d+:\d+|/tmp/\S*`).ReplaceAllString(output, "")
}
