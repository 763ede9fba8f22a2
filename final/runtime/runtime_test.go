package runtime

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) {
	// Start and Exec execute this program once more.
	if len(os.Args) == 2 {
		if role, hidden := Roles[os.Args[1]]; hidden {
			_ = role() // its parent knows why
			os.Exit(StatusFailed)
		}
	}
	testbed.Main(m)
}

// connected returns both ends of the sockets between parent and init.
func connected(t *testing.T) (parent, init *net.UnixConn) {
	t.Helper()
	parent, file, err := socketPair()
	require.NoError(t, err)
	init, err = asConn(file)
	require.NoError(t, err)
	t.Cleanup(func() { parent.Close(); init.Close() })
	return parent, init
}

func minimal() specs.Spec {
	return specs.Spec{Root: &specs.Root{Path: "/root"}, Process: &specs.Process{Args: []string{"a b", "", "\n"}}}
}

func TestRequestArrivesWhole(t *testing.T) {
	parent, init := connected(t)
	told := minimal()
	told.Hostname, told.Domainname = "host", "domain"
	told.Mounts = []specs.Mount{{Destination: "/", Type: "overlay", Source: "overlay", Options: []string{"ro"}}}
	told.Linux = &specs.Linux{
		UIDMappings:   []specs.LinuxIDMapping{{HostID: 100000, Size: 65536}},
		GIDMappings:   []specs.LinuxIDMapping{{HostID: 200000, Size: 65536}},
		Namespaces:    []specs.LinuxNamespace{{Type: specs.NetworkNamespace, Path: "/proc/self/fd/9"}},
		Devices:       []specs.LinuxDevice{{Path: "/dev/null", Type: "c", Major: 1, Minor: 3}},
		Sysctl:        map[string]string{"net.ipv4.ip_forward": "0"},
		MaskedPaths:   []string{"/proc/kcore"},
		ReadonlyPaths: []string{"/proc/sys"},
	}
	require.NoError(t, sendRequest(parent, request{Spec: told, Stdin: true, Explain: true}))

	received, err := receiveRequest(init)

	require.NoError(t, err)
	require.Equal(t, request{Spec: told, Stdin: true, Explain: true}, received)
}

// What the parent does before init is told anything, init need not hear of.
func TestRequestHasNothingOfTheCgroup(t *testing.T) {
	parent, init := connected(t)
	told := minimal()
	told.Linux = &specs.Linux{CgroupsPath: "tinydocker/1", Resources: &specs.LinuxResources{}, Seccomp: &specs.LinuxSeccomp{}}
	require.NoError(t, sendRequest(parent, request{Spec: told}))

	received, err := receiveRequest(init)

	require.NoError(t, err)
	require.Equal(t, &specs.Linux{}, received.Spec.Linux)
}

func TestUnfinishedRequestIsRefused(t *testing.T) {
	for name, content := range map[string]string{
		"nothing":    "",
		"half":       `{"root":{"path":"/"},"process":{"args":["touch"`,
		"no process": `{"root":{"path":"/"}}`,
		"no program": `{"root":{"path":"/"},"process":{"args":[]}}`,
		"no root":    `{"process":{"args":["true"]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			parent, init := connected(t)
			_, err := io.WriteString(parent, content)
			require.NoError(t, err)
			require.NoError(t, parent.Close())

			_, err = receiveRequest(init)

			require.Error(t, err)
		})
	}
}

func TestFailureArrivesWithItsStatus(t *testing.T) {
	parent, init := connected(t)
	require.NoError(t, sendFailure(init, &StartError{Status: 127, Message: "no such file"}))
	require.NoError(t, init.Close())

	console, err := receiveReports(parent, nil)

	require.Nil(t, console)
	require.Equal(t, &StartError{Status: 127, Message: "no such file"}, err)
}

func TestConsoleArrivesAndThenAFailure(t *testing.T) {
	parent, init := connected(t)
	file, err := os.Open("/dev/null")
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, sendConsole(init, file))
	require.NoError(t, sendFailure(init, &StartError{Status: 126, Message: "later"}))
	require.NoError(t, init.Close())

	console, err := receiveReports(parent, nil)

	require.Equal(t, &StartError{Status: 126, Message: "later"}, err)
	require.NotNil(t, console)
	require.NoError(t, console.Close())
}

func TestSilenceMeansThatTheProgramRuns(t *testing.T) {
	parent, init := connected(t)
	require.NoError(t, init.Close())

	console, err := receiveReports(parent, nil)

	require.NoError(t, err)
	require.Nil(t, console)
}

// It may be killed at any moment, without a word.
func TestProcessThatEndsBeforeItHasATerminalHasNotStarted(t *testing.T) {
	parent, init := connected(t)
	process, err := os.StartProcess("/bin/sleep", []string{"sleep", "1000"}, &os.ProcAttr{})
	require.NoError(t, err)
	told := minimal()
	told.Process.Terminal = true
	go func() {
		_, _, _ = receiveAll(init)
		init.Close()
	}()

	err = (&Container{process: process}).await(parent, nil, request{Spec: told}, nil)

	require.ErrorIs(t, err, errEnded)
}

func TestInitThatDoesNotUnderstandSaysSo(t *testing.T) {
	spec := specOf(newRoot(t), "true")
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	container, conn, err := firstProcess(spec, Options{}, nil)
	require.NoError(t, err)
	defer container.abandon()
	defer conn.Close()
	_, err = conn.Write([]byte("nonsense"))
	require.NoError(t, err)
	require.NoError(t, conn.CloseWrite())

	_, err = receiveReports(conn, nil)

	require.ErrorContains(t, err, "read what to run")
}

func TestReadOnlyMountOfAFile(t *testing.T) {
	testbed.Require(t, testbed.Root)
	path := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/true"), 0o755))
	file, err := readOnlyMount(path)
	require.NoError(t, err)
	defer file.Close()

	for _, flag := range []int{os.O_WRONLY, os.O_RDWR | os.O_APPEND} {
		_, err = os.OpenFile(pathOfFile(file), flag, 0)
		require.ErrorIs(t, err, unix.EROFS)
	}
	require.ErrorIs(t, os.Chmod(pathOfFile(file), 0o777), unix.EROFS)
}

func TestSealedCopyOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/true"), 0o755))
	file, err := sealedCopy(path)
	require.NoError(t, err)
	defer file.Close()

	_, err = file.WriteAt([]byte("x"), 0)
	require.ErrorIs(t, err, unix.EPERM)
	require.ErrorIs(t, file.Truncate(0), unix.EPERM)
	content, err := os.ReadFile(pathOfFile(file))
	require.NoError(t, err)
	require.Equal(t, "#!/bin/true", string(content))
}

// The test binary itself was started from another mount namespace.
func TestOwnProgramIsFoundFromAnotherMountNamespace(t *testing.T) {
	self, err := openSelf()
	require.NoError(t, err)
	require.NoError(t, self.Close())
}

// inMountNamespace moves the rest of the test into a mount namespace of its own. The
// test is about a union that the kernel may not have.
func inMountNamespace(t *testing.T, union testbed.Requirement) {
	t.Helper()
	testbed.Require(t, testbed.Root, union)
	lockThread(t)
	require.NoError(t, unix.Unshare(unix.CLONE_NEWNS|unix.CLONE_FS))
	require.NoError(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
}

func TestOverlayTakesPathsWithAnyCharacter(t *testing.T) {
	inMountNamespace(t, testbed.Overlay)
	base := filepath.Join(t.TempDir(), `a:b,c\d e`)
	var options []string
	for _, name := range []string{"lowerdir+=one", "lowerdir+=two", "upperdir=upper", "workdir=work"} {
		kind, folder, _ := cut(name)
		require.NoError(t, os.MkdirAll(filepath.Join(base, folder), 0o755))
		options = append(options, kind+"="+filepath.Join(base, folder))
	}
	merged := filepath.Join(base, "merged")
	require.NoError(t, os.Mkdir(merged, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(base, "one", "file"), []byte("upper layer wins"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(base, "two", "file"), []byte("lower layer"), 0o644))

	require.NoError(t, mountOverlay(options, merged, nil))
	defer unix.Unmount(merged, 0)

	content, err := os.ReadFile(filepath.Join(merged, "file"))
	require.NoError(t, err)
	require.Equal(t, "upper layer wins", string(content))
	require.NoError(t, os.WriteFile(filepath.Join(merged, "new"), nil, 0o644))
	require.FileExists(t, filepath.Join(base, "upper", "new"))
}

// A page of options, which is all that mount(2) takes, names about 200 layers.
func TestOverlayOfManyLayers(t *testing.T) {
	inMountNamespace(t, testbed.Overlay)
	for _, count := range []int{1, 120, 400} {
		base := t.TempDir()
		options := []string{"redirect_dir=off", "metacopy=off", "index=off"}
		for layer := range count {
			folder := filepath.Join(base, "a layer with a long name, as layers have it", fmt.Sprint(layer))
			require.NoError(t, os.MkdirAll(folder, 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprint("file", layer)), nil, 0o644))
			options = append(options, "lowerdir+="+folder)
		}
		for _, name := range []string{"upper", "work", "merged"} {
			require.NoError(t, os.Mkdir(filepath.Join(base, name), 0o755))
		}
		merged := filepath.Join(base, "merged")

		err := mountOverlay(append(options, "upperdir="+base+"/upper", "workdir="+base+"/work"), merged, nil)

		if count == 400 && kernelIsBefore(t, 6, 8) {
			require.ErrorContains(t, err, "more than a page of options before Linux 6.8")
			continue
		}
		require.NoError(t, err)
		entries, err := os.ReadDir(merged)
		require.NoError(t, err)
		require.Len(t, entries, count)
		require.NoError(t, os.WriteFile(filepath.Join(merged, "new"), nil, 0o644))
		require.NoError(t, unix.Unmount(merged, 0))
	}
}

func kernelIsBefore(t *testing.T, major, minor int) bool {
	t.Helper()
	var name unix.Utsname
	require.NoError(t, unix.Uname(&name))
	var its, itsMinor int
	_, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &its, &itsMinor)
	require.NoError(t, err)
	return its < major || its == major && itsMinor < minor
}

// Aufs has room for 84 branches in one call, and a kernel that is given more crashes
// (5.15 of Ubuntu).
func TestAUFSOfManyBranches(t *testing.T) {
	inMountNamespace(t, testbed.AUFS)
	base := t.TempDir()
	require.NoError(t, unix.Mount("none", base, "tmpfs", 0, ""))
	options := []string{"br+=" + base + "/upper=rw"}
	for layer := range 100 {
		folder := filepath.Join(base, fmt.Sprint(layer))
		require.NoError(t, os.MkdirAll(folder, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprint("file", layer)), nil, 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprint("ten", layer/10)), []byte(fmt.Sprint(layer)), 0o644))
		options = append(options, "br+="+folder+"=ro+wh")
	}
	require.NoError(t, os.MkdirAll(base+"/upper", 0o755))
	merged := filepath.Join(base, "merged")
	require.NoError(t, os.Mkdir(merged, 0o755))

	var steps []string
	require.NoError(t, mountAUFS(options, merged, func(step explain.Step) { steps = append(steps, step.String()) }))

	entries, err := os.ReadDir(merged)
	require.NoError(t, err)
	require.Len(t, entries, 110)
	for ten := range 10 {
		content, err := os.ReadFile(filepath.Join(merged, fmt.Sprint("ten", ten)))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(10*ten), string(content), "the upper one")
	}
	require.Len(t, steps, 2)
	require.NoError(t, unix.Unmount(merged, 0))
	typed, err := exec.Command("sh", "-ec", strings.Join(steps, "\n")).CombinedOutput()
	require.NoError(t, err, "%s", typed)
	again, err := os.ReadDir(merged)
	require.NoError(t, err)
	require.Len(t, again, 110)
	require.NoError(t, os.WriteFile(filepath.Join(merged, "new"), nil, 0o644))
	require.FileExists(t, base+"/upper/new")
	require.NoError(t, unix.Unmount(merged, 0))
	require.NoError(t, unix.Unmount(base, 0))
}

func TestMountPointMustBeAFolder(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"file":             func(path string) error { return os.WriteFile(path, nil, 0o644) },
		"symlink":          func(path string) error { return os.Symlink("/", path) },
		"dangling symlink": func(path string) error { return os.Symlink("/no/such", path) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "proc")
			require.NoError(t, make(path))

			require.Error(t, mountFilesystem(specs.Mount{Destination: path, Type: "proc", Source: "proc"}, -1, nil))
		})
	}
}

func TestLookPath(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "program"), nil, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "text"), nil, 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "folder"), 0o755))
	env := []string{"PATH=/no/such", "PATH=/nor/this:" + folder}

	path, err := lookPath("program", env)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(folder, "program"), path)
	for name, status := range map[string]int{"text": 126, "folder": 127, "nosuch": 127, "": 127} {
		_, err := lookPath(name, env)
		require.Equal(t, status, startError(err).Status, name)
	}
	t.Chdir(folder)
	path, err = lookPath("./program", env)
	require.NoError(t, err)
	require.Equal(t, "./program", path)
}

func TestUnknownCapabilityIsRefused(t *testing.T) {
	_, err := capabilities([]string{"CAP_CHOWN", "CAP_NOSUCH"})

	require.ErrorContains(t, err, "CAP_NOSUCH")
}

// A role without its parent's socket must leave the machine alone, whoever starts
// it and as what.
func TestRolesAloneDoNothing(t *testing.T) {
	testbed.Require(t, testbed.Root)
	tool := testbed.Build(t, "mytinydocker/final")
	before, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)

	for role := range Roles {
		for _, namespaces := range []uintptr{0, syscall.CLONE_NEWPID} {
			init := exec.Command(tool, role)
			init.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
			output, err := init.CombinedOutput()
			require.Error(t, err, role)
			require.Contains(t, string(output), "not by hand", role)
		}
	}

	after, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
}

// The links of /proc lead to whatever init has open, out of the container too
// (CVE-2024-21626, CVE-2019-5736).
func TestLinksOfProcLeadNowhere(t *testing.T) {
	folder, err := os.Open(t.TempDir())
	require.NoError(t, err)
	defer folder.Close()
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink("/proc/self/exe", link))
	// The working folder is every thread's.
	t.Chdir(t.TempDir())

	require.Error(t, enterFolder(pathOfFile(folder)))
	for _, path := range []string{"/proc/self/exe", link} {
		require.Equal(t, 126, startError(executable(path)).Status, path)
	}
	require.NoError(t, executable("/bin/sh"))
}

func TestWhyAProgramCannotBeExecuted(t *testing.T) {
	for path, status := range map[string]int{"/no/such": 127, "/etc/passwd/x": 127, "/etc": 126, "/etc/passwd": 126, "/dev/null": 126} {
		require.Equal(t, status, startError(executable(path)).Status, path)
	}
}

// The keys of whoever called us are found through the session keyring, which a
// program inherits (session-keyring(7)).
func TestSessionKeyringIsLeftBehind(t *testing.T) {
	lockThread(t)
	before, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, true)
	require.NoError(t, err)

	require.NoError(t, leaveSessionKeyring())

	after, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false)
	require.NoError(t, err)
	require.NotEqual(t, before, after)
}
