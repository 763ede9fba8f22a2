package museum

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"mytinydocker/internal/base"
	"mytinydocker/internal/testbed"
)

// chapter is the program of a chapter with a root of its own, in which there is the
// built-in image.
type chapter struct {
	t          *testing.T
	name, root string
}

const firstChapter, lastChapter = "stage01-namespaces", "stage06-network-ipam"

func openChapter(t *testing.T, name string) chapter {
	t.Helper()
	testbed.Require(t, testbed.Root, testbed.Overlay, testbed.BaseImage, testbed.NFTables)
	c := chapter{t: t, name: name, root: testbed.StateRoot(t)}
	if name == firstChapter {
		return c // it knows no images: its containers see the host's files
	}
	rootfs, err := base.Rootfs()
	require.NoError(t, err)
	defer rootfs.Close()
	require.NoError(t, os.MkdirAll(filepath.Join(c.root, "images"), 0o700))
	image, err := os.OpenFile(filepath.Join(c.root, "images/base.tar"), os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = io.Copy(image, rootfs)
	require.NoError(t, err)
	require.NoError(t, image.Close())
	return c
}

func (c chapter) command(args ...string) testbed.Command {
	c.t.Helper()
	return testbed.Command{Path: testbed.Build(c.t, "mytinydocker/"+c.name), Args: args}
}

// probe is the command line that has the probe do something in a new container.
func (c chapter) probe(flags []string, words ...string) testbed.Command {
	c.t.Helper()
	if c.name == firstChapter {
		return c.command(append(append([]string{"run"}, flags...), append([]string{probePath(c.t)}, words...)...)...)
	}
	args := append([]string{"run", "--root", c.root, "-v", probePath(c.t) + ":/probe:ro"}, flags...)
	return c.command(append(append(args, "base", "/probe"), words...)...)
}

// The chapters show how containers work, and keep all that root may. Many exhibits are
// open there: the same probe, and what it finds. None of them does harm: what is opened
// for writing is not written, and what is mounted is so in the container's own namespace.
func TestOpenInTheChapters(t *testing.T) {
	for _, name := range []string{firstChapter, lastChapter} {
		for exhibit, test := range map[string]struct {
			words []string
			want  string
		}{
			"WritingSettingsOfTheKernel":        {[]string{"write", "/proc/sys/kernel/core_pattern"}, "/proc/sys/kernel/core_pattern done\n"},
			"ReadingWhatTellsOfTheHost":         {[]string{"read", "/proc/timer_list"}, "/proc/timer_list done\n"},
			"CgroupsStartAProgramOfTheHost":     {[]string{"try", "unshare-cgroup"}, "unshare-cgroup done\n"},
			"MoreCapabilitiesThanAProgramNeeds": {[]string{"try", "mount", "sethostname"}, "mount done\nsethostname done\n"},
			"SystemCallsThatNobodyNeeds":        {[]string{"try", "keyctl", "clone-user"}, "keyctl done\nclone-user done\n"},
			"ForgedPackets":                     {[]string{"try", "socket-raw", "socket-packet"}, "socket-raw done\nsocket-packet done\n"},
			"LogOfTheKernel":                    {[]string{"try", "syslog-read"}, "syslog-read done\n"},
			"UncoveringWhatIsHidden":            {[]string{"umount", "/proc"}, "/proc done\n"},
		} {
			t.Run(name+"/"+exhibit, func(t *testing.T) {
				require.Equal(t, test.want, openChapter(t, name).probe(nil, test.words...).Run(t).Stdout)
			})
		}
	}
}

// The chapters pass the operator's terminal on (see TestTypingIntoTheOperatorsTerminal):
// what the probe types, the shell that comes next reads. The terminal is one of the test's.
func TestTypingIntoTheTerminalOfAChapter(t *testing.T) {
	content, err := os.ReadFile("/proc/sys/dev/tty/legacy_tiocsti")
	if err == nil && strings.TrimSpace(string(content)) == "0" {
		t.Skip("this kernel forbids it to everybody (dev.tty.legacy_tiocsti)")
	}
	command := openChapter(t, lastChapter).probe([]string{"-it"}, "type", "TYPED\n")
	command.Path, command.Args = "/bin/sh", append([]string{"-c", `"$@"; IFS= read -r line; echo "left=$line"`, "sh", command.Path}, command.Args...)

	require.Contains(t, command.Terminal(t).Wait().Stdout, "left=TYPED")
}

// Keys of the host are found in a chapter's container (see TestKeysOfTheHost).
func TestKeysInAChapter(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_, err := unix.KeyctlJoinSessionKeyring("museum")
	require.NoError(t, err)
	name := testbed.Name(t)
	_, err = unix.AddKey("user", name, []byte("secret"), unix.KEY_SPEC_SESSION_KEYRING)
	require.NoError(t, err)

	require.Equal(t, "keys done\n", openChapter(t, lastChapter).probe(nil, "keys", name).Run(t).Stdout)
}

// In chapter 5, who joins a container by exec can be traced there (see TestSpyingOnExec):
// the probe sees the program of the host that it runs.
func TestSpyingOnExecOfAChapter(t *testing.T) {
	c := openChapter(t, "stage05-ps-logs-exec")
	name := testbed.Name(t)
	require.Zero(t, c.probe([]string{"-d", "--name", name}, "spy", "30").Run(t).Code)
	logs := func() string { return c.command("logs", "--root", c.root, name).Run(t).Stdout }
	for !strings.Contains(logs(), "met done") {
		c.command("exec", "--root", c.root, name, "true").Run(t)
	}
	require.Contains(t, logs(), "stage05-ps-logs-exec\n")
	c.command("rm", "--root", c.root, "-f", name).Run(t)
}

// What the chapters do stop: they do not go on after an error, they leave no file open,
// they begin below their root, and they have names of their own.
func TestStoppedInTheChapters(t *testing.T) {
	c := openChapter(t, lastChapter)
	require.Equal(t, "files done\n", careless(c.probe(nil, "files")).Run(t).Stdout)
	require.Equal(t, "same root true done\n", c.probe(nil, "chroot").Run(t).Stdout)
	require.Equal(t, "shm ENOENT\n", c.probe(nil, "shm", "4711").Run(t).Stdout)
}
