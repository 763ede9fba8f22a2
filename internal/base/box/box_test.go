package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// bin is a folder with a link to the box for each applet.
func bin(t *testing.T) string {
	t.Helper()
	box, folder := testbed.Build(t, "."), t.TempDir()
	list, err := exec.Command(box, "--list").Output()
	require.NoError(t, err)
	for _, name := range strings.Fields(string(list)) {
		require.NoError(t, os.Symlink(box, filepath.Join(folder, name)))
	}
	return folder
}

// shellIn is a script for the box's shell, in a folder of its own, where nothing
// but the box is in PATH.
func shellIn(t *testing.T, script string, args ...string) testbed.Command {
	t.Helper()
	folder := bin(t)
	return testbed.Command{
		Path: filepath.Join(folder, "sh"), Args: append([]string{"-c", script}, args...),
		Env: []string{"PATH=" + folder}, Dir: t.TempDir(),
	}
}

// TestScripts runs scripts that use the shell and the tools as people do.
func TestScripts(t *testing.T) {
	for script, want := range map[string]string{
		// the shell
		`echo one; echo "two  three" four`:                                          "one\ntwo  three four\n",
		`false; echo $?; true && echo yes || echo no; false && echo yes || echo no`: "1\nyes\nno\n",
		`x=a; y="$x b"; echo ${y} ${#y} ${z:-none} $((3*4))`:                        "a b 3 none 12\n",
		"cat <<end\nhere $((1+1))\nend":                                             "here 2\n",
		`for i in a b; do case $i in a) echo first;; *) echo other;; esac; done`:    "first\nother\n",
		`f() { local x=$1; echo "f $x"; return 3; }; f hello; echo $?`:              "f hello\n3\n",
		`echo $(echo inner) | tr a-z A-Z`:                                           "INNER\n",
		`nosuch 2>/dev/null; echo $?`:                                               "127\n",
		`sh -c 'exit 7'; echo $?; sh -c 'kill -TERM $$'; echo $?`:                   "7\n143\n",
		`set -e; (exit 4); echo never`:                                              "",
		`set -- a "b c" d; echo $#; shift; echo "$1"`:                               "3\nb c\n",
		`echo out; echo err >&2; echo "in a file" > f; cat < f`:                     "out\nin a file\n",
		`while read -r line; do echo "<$line>"; done <<end` + "\na b\nc\nend":       "<a b>\n<c>\n",
		`trap 'echo bye' EXIT; echo hi`:                                             "hi\nbye\n",
		`trap 'echo got; exit 3' TERM; kill -TERM $$; sleep 0.05; echo never`:       "got\n",
		`umask; umask 077; touch f; stat -c %a f`:                                   "0022\n600\n",
		`sleep 0.01 & wait; echo done`:                                              "done\n",
		`exec echo replaced; echo never`:                                            "replaced\n",
		// files
		`mkdir -p a/b; touch a/f; ls a; ls -A a/b; ls -d a; ls a/f`:                                                                                            "b\nf\na\na/f\n",
		`ls nosuch 2>&1; echo $?`:                                                                                                                              "ls: lstat nosuch: no such file or directory\n1\n",
		`echo x > f; cp f g; cat g; cp f nosuch/g 2>/dev/null; echo $?`:                                                                                        "x\n1\n",
		`mkdir -p a/b; echo x > a/b/f; ln -s f a/b/l; chmod 741 a/b/f; cp -a a z; stat -c "%a %s" z/b/f; readlink z/b/l`:                                       "741 2\nf\n",
		`mkdir a; cp a b 2>&1; rm a 2>/dev/null; echo $?; rm -rf a nosuch; echo $?`:                                                                            "cp: a is a folder: use -r\n1\n0\n",
		`echo x > f; mv f g; ls; ln g h; stat -c %h g; ln -sf g l; readlink l; readlink -f l | tail -c 3`:                                                      "g\n2\ng\n/g\n",
		`touch f; chmod 4755 f; ls -l f | cut -c 1-10; rmdir f 2>&1; echo $?`:                                                                                  "-rwsr-xr-x\nrmdir: f: not a directory\n1\n",
		`mkdir -p a/b; touch a/one.go a/b/two.go a/b/x; find a -name '*.go' | sort; find . -maxdepth 1 -type d; find a -type f ! -name '*.go' -delete; ls a/b`: "a/b/two.go\na/one.go\n.\n./a\ntwo.go\n",
		`touch "a b"; find . -type f -exec stat -c %n {} ";"; find . -type f -print0 | tr "\0" "|"`:                                                            "./a b\n./a b|",
		`truncate -s 2k f; stat -c %s f; dd if=f of=g bs=1k count=1 status=none; stat -c %s g; du -s g | cut -f 2`:                                             "2048\n1024\ng\n",
		// text
		`seq 5 | head -n 2; seq 5 | head -2; seq 5 | tail -n 2; seq 5 | tail -n +4; echo abcdef | head -c 3`:                                   "1\n2\n1\n2\n4\n5\n4\n5\nabc",
		`printf 'a b\nc\n' | wc; printf 'a b\nc\n' | wc -l; printf 'ä' | wc -c -m`:                                                             "2 3 6\n2\n1 2\n",
		`seq 20 | grep 1 | grep -c .; echo aBc | grep -i abc; echo x | grep -v x; echo $?; echo xx | grep -o x`:                                "11\naBc\n1\nx\nx\n",
		`printf 'x(1)\n' | grep 'x(1)'; printf 'ab\n' | grep -E '(a|x)b'; printf 'a.c\nabc\n' | grep -F a.c; echo q | grep -q q && echo found`: "x(1)\nab\na.c\nfound\n",
		`printf '10\n9\n1\n9\n' | sort; printf '10\n9\n1\n' | sort -n; printf 'b 1\na 2\n' | sort -k 2 -r; printf 'a\na\nb\n' | sort -u`:       "1\n10\n9\n9\n1\n9\n10\na 2\nb 1\na\nb\n",
		`printf 'a\na\nb\n' | uniq -c | tr -s ' '; printf 'a\na\nb\n' | uniq -d`:                                                               " 2 a\n 1 b\na\n",
		`echo a:b:c | cut -d : -f 1,3; echo abcdef | cut -c 2-4; echo hello | tr -d l; echo hello | tr '[:lower:]' '[:upper:]'`:                "a:c\nbcd\nheo\nHELLO\n",
		`echo x | tee f g; cat f g`: "x\nx\nx\n",
		// values
		`printf '%s|%d|%x|%c\n' "a b" 12 255 x; printf '[%s]' 1 2 3; printf '%%\n'`: "a b|12|ff|x\n[1][2][3]%\n",
		`echo -n a; echo -e 'b\tc'; seq 2 2 6; seq 3 -1 1`:                          "ab\tc\n2\n4\n6\n3\n2\n1\n",
		`yes | head -n 2; yes no | head -n 1`:                                       "y\ny\nno\n",
		`env -i "PATH=$PATH" A=1 B=2 env | grep -v PATH; A=3 env | grep ^A=`:        "A=1\nB=2\nA=3\n",
		`date -u -d @0 +%Y-%m-%dT%H:%M:%S; date -u -d @86400 +%F`:                   "1970-01-01T00:00:00\n1970-01-02\n",
		`printf abc | sha256sum; basename /a/b.c .c; dirname /a/b`:                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  -\nb\n/a\n",
		// archives
		`mkdir -p a/b; echo x > a/b/f; tar -czf t.tgz a; tar tzf t.tgz; mkdir o; tar -xf t.tgz -C o; cat o/a/b/f`: "a/\na/b/\na/b/f\nx\n",
		`echo x > f; gzip f; ls; gunzip f.gz; cat f; echo a b | xargs -n 1 echo; echo aGk= | base64 -d`:           "f.gz\nx\na\nb\nhi",
		// processes
		`sleep 0.1 & sleep 0.01; id -u | grep -q '^[0-9]*$' && echo id; ps | grep -c "sh -c" | grep -q 0 || echo ps; kill -l | head -n 1`: "id\nps\n 1 HUP\n",
		`timeout 0.05 sleep 60; echo $?; timeout 5 true; echo $?`:                                                                         "124\n0\n",
	} {
		t.Run(strings.SplitN(script, ";", 2)[0], func(t *testing.T) {
			result := shellIn(t, script).Run(t)

			require.Equal(t, want, result.Stdout, result.Stderr)
		})
	}
}

func TestMistakesAreOneLineOnStandardError(t *testing.T) {
	for _, command := range []string{
		"cat --nosuch", "head -n x", "grep", "sleep", "sleep x", "kill", "kill nosuch", "wc --nosuch", "ls --nosuch", "tar -f x", "eat lots",
		"cut", "seq", "dd nosuch=1", "find -nosuch x", "cp one", "cat /no/such", "ip nosuch", "wget ftp://x/", "nc", "chown nobody-such f",
	} {
		t.Run(command, func(t *testing.T) {
			result := shellIn(t, command).Run(t)

			require.NotZero(t, result.Code)
			require.Empty(t, result.Stdout)
			require.Equal(t, 1, strings.Count(result.Stderr, "\n"), "%q", result.Stderr)
		})
	}
}

func TestScriptFromAFileAndFromInput(t *testing.T) {
	command := shellIn(t, "")
	script := filepath.Join(command.Dir, "script")
	require.NoError(t, os.WriteFile(script, []byte("echo \"$1\"; exit 5\n"), 0o600))

	command.Args = []string{script, "a b"}
	require.Equal(t, testbed.Result{Stdout: "a b\n", Code: 5}, command.Run(t))
	command.Args, command.Stdin = nil, strings.NewReader("echo one\necho two\nexit 6\n")
	require.Equal(t, testbed.Result{Stdout: "one\ntwo\n", Code: 6}, command.Run(t))
}

func TestFullDiskIsAnError(t *testing.T) {
	for _, command := range []string{"ls /", "seq 10", "cat /etc/passwd", "head -n 1 /etc/passwd"} {
		require.NotZero(t, shellIn(t, command+" > /dev/full").Run(t).Code, command)
	}
}

func TestInteractiveShell(t *testing.T) {
	command := shellIn(t, "")
	command.Args = nil
	terminal := command.Terminal(t)

	terminal.Expect("# ")
	terminal.Send("echo $((1+1)) && for i in a b; do\necho $i$i; done\n")
	terminal.Expect("> 2\r\n")
	terminal.Expect("aa\r\nbb\r\n")
	terminal.Expect("# ")
	terminal.Send("half a line")
	terminal.Expect("half a line")
	terminal.Send("\x03")
	terminal.Expect("# ") // before that, the shell is not done with the line that it drops
	terminal.Send("echo fresh $((2+2))\n")
	terminal.Expect("fresh 4")
	terminal.Send("sh -c 'echo st$((0))p; exec sleep 60'\n")
	terminal.Expect("st0p")
	terminal.Send("\x03")
	terminal.Send("echo status $?\n")
	terminal.Expect("status 130")
	terminal.Send("sh -c 'echo c$((0))me; exec cat'\n")
	terminal.Expect("c0me")
	terminal.Send("ready\n") // a process is not stopped while it becomes another program
	terminal.Expect("ready")
	terminal.Expect("ready")
	terminal.Send("\x1a")
	terminal.Expect("[1]+ Stopped")
	terminal.Send("echo $?; fg\n")
	terminal.Expect("148")
	terminal.Send("to cat\n")
	terminal.Expect("to cat") // as the terminal echoes it
	terminal.Expect("to cat") // as cat prints it
	terminal.Send("\x03")
	terminal.Expect("# ")
	terminal.Send("sleep 0.01 & echo go on $((5+5))\n")
	terminal.Expect("go on 10")
	terminal.Send("(exit 9)\n\x04")

	require.Equal(t, 9, terminal.Wait().Code)
}

func TestHTTPOverLoopback(t *testing.T) {
	testbed.Require(t, testbed.Root)
	server := shellIn(t, "echo hello > page; exec httpd -p 127.0.0.1:8080").Start(t)
	server.Expect("listening on 127.0.0.1:8080")

	require.Equal(t, "hello\n", shellIn(t, "wget -q -O - http://127.0.0.1:8080/page").Run(t).Stdout)
	require.NotZero(t, shellIn(t, "wget -q -O - http://127.0.0.1:8080/../../etc/passwd").Run(t).Code)
	require.NotZero(t, shellIn(t, "wget -q -O - http://127.0.0.1:8081/").Run(t).Code)
}

func TestConnections(t *testing.T) {
	testbed.Require(t, testbed.Root)
	listener := shellIn(t, "echo from the listener | nc -l -p 8082").Start(t)
	caller := shellIn(t, "echo from the caller | nc 127.0.0.1 8082")

	testbed.Eventually(t, "somebody to listen", func() bool { return caller.Run(t).Stdout == "from the listener\n" })

	require.Equal(t, "from the caller\n", listener.Wait().Stdout)
	require.Contains(t, shellIn(t, "ping -c 1 127.0.0.1").Run(t).Stdout, "1 sent, 1 received")
	require.Contains(t, shellIn(t, "ip addr").Run(t).Stdout, "inet 127.0.0.1/8")
}

func TestProbes(t *testing.T) {
	require.Equal(t, "ate 1048576\n", shellIn(t, "eat 1m </dev/null").Run(t).Stdout)
	require.Regexp(t, `^0\.[01]`, shellIn(t, "burn 0.05").Run(t).Stdout)
	require.Regexp(t, `^forked 3: <nil>\n$`, shellIn(t, "forkbomb 3").Run(t).Stdout)
	require.Contains(t, shellIn(t, "probe").Run(t).Stdout, `"Hostname"`)
}
