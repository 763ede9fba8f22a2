package runtime

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	goruntime "runtime"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"mytinydocker/final/storage"
	"mytinydocker/internal/base"
	"mytinydocker/internal/testbed"
)

// newRoot makes the root file system of the built-in image.
func newRoot(t testing.TB) string {
	t.Helper()
	testbed.Require(t, testbed.Root, testbed.BaseImage)
	root := testbed.StateRoot(t)
	image, err := base.Rootfs()
	require.NoError(t, err)
	defer image.Close()
	require.NoError(t, storage.Unpack(image, root))
	return root
}

// specOf is a container in root that runs a shell command.
func specOf(root, command string) *specs.Spec {
	return &specs.Spec{
		Root:    &specs.Root{Path: root},
		Process: &specs.Process{Args: []string{"sh", "-c", command}, Env: []string{"PATH=/bin"}, Cwd: "/"},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=755"}},
		},
		Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{
			{Type: specs.MountNamespace}, {Type: specs.PIDNamespace}, {Type: specs.UTSNamespace}, {Type: specs.IPCNamespace},
		}},
	}
}

// runSpec starts a container and returns what it has printed and how it ended.
func runSpec(t *testing.T, spec *specs.Spec) (stdout string, status int, err error) {
	t.Helper()
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	container, err := Start(spec, Options{Started: func(int) error { return nil }})
	if err != nil {
		return "", 0, err
	}
	go io.Copy(io.Discard, container.Stderr)
	printed, err := io.ReadAll(container.Stdout)
	require.NoError(t, err)
	status, err = container.Wait()
	require.NoError(t, err)
	return string(printed), status, nil
}

// An image can hold anything where the runtime is about to mount. The program
// then runs inside or not at all; nothing outside of the root is touched.
func TestHostileRootsStayInside(t *testing.T) {
	symlink := func(target, name string) func(string, string) error {
		return func(root, outside string) error {
			if target == "OUTSIDE" {
				target = outside
			}
			return errors.Join(os.RemoveAll(filepath.Join(root, name)), os.Symlink(target, filepath.Join(root, name)))
		}
	}
	file := func(name string) func(string, string) error {
		return func(root, _ string) error {
			return errors.Join(os.RemoveAll(filepath.Join(root, name)), os.WriteFile(filepath.Join(root, name), nil, 0o644))
		}
	}
	for name, test := range map[string]struct {
		prepare func(root, outside string) error
		runs    bool
	}{
		"nothing":                     {func(string, string) error { return nil }, true},
		"old root as a file":          {file(".pivot_root"), true},
		"old root as a dangling link": {symlink("/no/such", ".pivot_root"), true},
		"no proc":                     {func(root, _ string) error { return os.Remove(filepath.Join(root, "proc")) }, true},
		"proc as a file":              {file("proc"), false},
		"proc as a link":              {symlink("/tmp", "proc"), false},
		"proc as a dangling link":     {symlink("/no/such", "proc"), false},
		"dev as a file":               {file("dev"), false},
		"dev as a link outside":       {symlink("OUTSIDE", "dev"), false},
		"etc as a link outside":       {symlink("OUTSIDE", "etc"), false},
		"etc as a climbing link":      {symlink("../../../../../../..", "etc"), true},
		"etc as a link to a process":  {symlink("/proc/self/fd", "etc"), false},
	} {
		t.Run(name, func(t *testing.T) {
			root, outside := newRoot(t), testbed.StateRoot(t)
			require.NoError(t, test.prepare(root, outside))
			hosts := filepath.Join(testbed.StateRoot(t), "hosts")
			require.NoError(t, os.WriteFile(hosts, []byte("ours\n"), 0o644))
			marker := "/" + testbed.Name(t)
			spec := specOf(root, "cat /etc/hosts && echo > "+marker)
			spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/etc/hosts", Type: "bind", Source: hosts, Options: []string{"bind"}})

			stdout, status, err := runSpec(t, spec)

			require.Equal(t, test.runs, err == nil, "%v", err)
			if test.runs {
				require.Equal(t, "ours\n", stdout)
				require.Zero(t, status)
				require.FileExists(t, filepath.Join(root, marker))
			}
			require.NoFileExists(t, marker)
			left, err := os.ReadDir(outside)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// To leave out what was asked for would be to fail open.
func TestSpecificationThatIsNotSupportedIsRefused(t *testing.T) {
	for name, change := range map[string]func(*specs.Spec){
		"no process":       func(s *specs.Spec) { s.Process = nil },
		"no program":       func(s *specs.Spec) { s.Process.Args = nil },
		"no root":          func(s *specs.Spec) { s.Root = nil },
		"relative root":    func(s *specs.Spec) { s.Root.Path = "root" },
		"no Linux":         func(s *specs.Spec) { s.Linux = nil },
		"host's mounts":    func(s *specs.Spec) { s.Linux.Namespaces = s.Linux.Namespaces[1:] },
		"host's processes": func(s *specs.Spec) { s.Linux.Namespaces = s.Linux.Namespaces[:1] },
		"user namespace": func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
		},
		"AppArmor": func(s *specs.Spec) { s.Process.ApparmorProfile = "profile" },
		"hooks":    func(s *specs.Spec) { s.Hooks = &specs.Hooks{} },
		"hostname of the host": func(s *specs.Spec) {
			s.Hostname = "changed"
			s.Linux.Namespaces = s.Linux.Namespaces[:2]
		},
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
