package museum

import (
	"archive/tar"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// CVE-2026-30892, crun: exec -u 1 was root. CVE-2024-40635, containerd: numbers beyond 2^31
// were 0. CVE-2016-3697, runc: a number was looked for among the names first, and the image
// has a user who is called so, with the number 0.
//
// Here a number is a number, or an error; what is not one is a name of the container's.
func TestUserThatIsTakenForRoot(t *testing.T) {
	m := open(t)
	passwd := "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n1000:x:0:0::/:/bin/sh\n4294967296:x:0:0::/:/bin/sh\n1e3:x:7:7::/:/bin/sh\n"
	v := m.image("hostile", []tar.Header{file("etc/passwd", passwd), file("etc/group", "root:x:0:\napp:x:1000:\n1000:x:0:\n")})
	name := m.keep(v)
	for user, want := range map[string]string{
		"1": "1 0", "1:1": "1 1", "0": "0 0", "app": "1000 1000", "app:app": "1000 1000", "1000": "1000 1000", "1000:1000": "1000 1000",
		"2147483646": "2147483646 0", "1e3": "7 7",
		"-1": "", "4294967295": "", "4294967296": "", "2147483648": "", "0x0": "", " 1": "", "nobodyatall": "", "1:-1": "", "1:4294967296": "",
		"18446744073709551616": "", "00000000000000000000000000000000000": "0 0", "1:nosuch": "", "０": "",
	} {
		ofRun := m.tinydocker("run", "--rm", "--network", "none", "--user="+user, "hostile", "sh", "-c", "echo $(id -u) $(id -g)")
		ofExec := m.tinydocker("exec", "--user="+user, name, "sh", "-c", "echo $(id -u) $(id -g)")
		for way, result := range map[string]testbed.Result{"run": ofRun, "exec": ofExec} {
			if want == "" {
				require.Equal(t, 125, result.Code, "%s of %q: %s", way, user, result.Stdout)
				continue
			}
			require.Equal(t, want+"\n", result.Stdout, "%s of %q: %s", way, user, result.Stderr)
		}
	}
}

// CVE-2022-36109, Docker, CVE-2023-25173, containerd, CVE-2022-2989, podman: the groups of
// the caller, or too few of the image's: a file that a group must not read is read by who
// is no longer in it.
//
// Here groups are set always, the user's first one among them, before the user changes.
func TestGroupsOfTheCaller(t *testing.T) {
	m := open(t)
	v := m.image("grouped", []tar.Header{file("etc/group", "root:x:0:\nsecret:x:77:app\napp:x:1000:\n")})
	v.flags += " -u app"
	m.everywhere(v, "Groups:\t77 1000 \n", "grep", "Groups", "/proc/self/status")
	m.everywhere(m.visit("-u 4242:4243"), "Groups:\t4243 \n", "grep", "Groups", "/proc/self/status")
}

// What a runtime gives a user to, it may give the host's: its /dev/null belonged to user
// 1000 after exec -u 1000 </dev/null (runc, issue 3674), and who owns that reads what
// everybody throws away.
//
// Here standard input is the container's own /dev/null, and only a terminal of the
// container is given to its user.
func TestNullOfTheHostChangesItsOwner(t *testing.T) {
	m := open(t)
	look := func() *syscall.Stat_t {
		info, err := os.Stat("/dev/null")
		require.NoError(t, err)
		stat := info.Sys().(*syscall.Stat_t)
		return &syscall.Stat_t{Mode: stat.Mode, Uid: stat.Uid, Gid: stat.Gid, Ino: stat.Ino}
	}
	before := look()
	v := m.visit("-u 1000")
	name := m.keep(v)
	for _, args := range [][]string{
		v.words("run", "--rm", []string{"id"}), {"exec", "-d", "-u", "1000", name, "id"}, {"exec", "-i", "-u", "1000", name, "id"},
		append([]string{"exec", "-u", "0", name}, sh("chmod 600 /proc/self/fd/0 /dev/stdin; chown 1000 /proc/self/fd/0")...),
		append(m.visit("").words("run", "--rm", nil), sh("chmod 600 /proc/self/fd/0; chown 1000 /proc/self/fd/0")...),
	} {
		command := m.command(args...)
		null, err := os.Open(os.DevNull)
		require.NoError(t, err)
		command.Stdin = null
		command.Run(t)
		null.Close()
		require.Equal(t, before, look(), "%q", args)
	}
}
