//go:build mage

// MyTinyDocker: how containers work, in six chapters and one complete tool.
// `go tool mage run` opens a shell in a container; `go tool mage test` tests everything.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/magefile/mage/mg"
	"golang.org/x/term"

	"mytinydocker/internal/learn"
	"mytinydocker/internal/testbed/chapters"
)

const (
	binaries = "bin"                  // programs for people
	static   = "-tags=netgo,osusergo" // has tinydocker linked without a dynamic loader, see final/runtime/static.go
	testing  = "bin/test"             // the same and the probes, under the names the tests look for

	// Experiments have a root of their own: nothing here touches the
	// containers of a tinydocker that somebody uses every day.
	root    = "/var/lib/mytinydocker"
	runRoot = "/run/mytinydocker"
)

// Aliases are the names that are quicker to type.
var Aliases = map[string]any{
	"mutate":      Mutate.All,
	"test":        Test.All,
	"test:stage1": Test.Stage01,
	"test:stage2": Test.Stage02,
	"test:stage3": Test.Stage03,
	"test:stage4": Test.Stage04,
	"test:stage5": Test.Stage05,
	"test:stage6": Test.Stage06,
}

// Run opens a shell in a container from the built-in image; without a terminal it gives a short demonstration.
func Run() error {
	mg.Deps(Build)
	container := []string{
		"env", "TINYDOCKER_ROOT=" + filepath.Join(root, "tinydocker"), "TINYDOCKER_RUN=" + runRoot,
		filepath.Join(binaries, "tinydocker"), "run", "--rm", "--hostname", "container",
	}
	if term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())) {
		err := asRoot(os.Stdin, append(container, "-it", "base")...)
		if mg.ExitStatus(err) < 125 {
			return nil // the shell's last status is no failure of ours
		}
		return err
	}
	return asRoot(strings.NewReader(demonstration), append(container, "-i", "base")...)
}

const demonstration = `
echo "Hello from a container. Without a terminal there is no prompt, but a demonstration:"
show() { echo; echo "# $*"; "$@"; }
show hostname
show id
show ps
show echo /*
show ip addr
echo; echo "Run this in a terminal to get a shell."
`

// Build makes the built-in image and every program, in bin/.
func Build() error {
	mg.SerialDeps(BaseImage)
	if err := command("go", "build", static, "-o", filepath.Join(binaries, "tinydocker"), "./final"); err != nil {
		return err
	}
	return command(append([]string{"go", "build", "-o", binaries + "/"}, stages()...)...)
}

// BaseImage makes the built-in image, which tinydocker then carries.
func BaseImage() error {
	return command("go", "run", "./internal/base/mkimage")
}

// Image puts the built-in image where the chapters look for images, as base.tar.
func Image() error {
	mg.SerialDeps(archive)
	return asRoot(nil, "install", "-D", "-m", "0600", baseArchive, filepath.Join(root, "images", "base.tar"))
}

const baseArchive = "bin/base.tar"

// archive makes the built-in image as an archive without compression.
func archive() error {
	return command("go", "run", "./internal/base/mkimage", "-o", baseArchive)
}

// Lint checks format, vet and the rules of .golangci.yml.
func Lint() error {
	if err := command("go", "vet", "./..."); err != nil {
		return err
	}
	// On a Mac, this file starts the VM.
	if err := command("env", "GOOS=darwin", "go", "vet", "-tags=mage", "."); err != nil {
		return err
	}
	return command("go", "tool", "golangci-lint", "run")
}

// Book renders the chapters as a static site, in bin/book/: open bin/book/index.html.
func Book() error {
	return command("go", "run", "./internal/book/mkbook", "-o", filepath.Join(binaries, "book"))
}

// Doctor tells what this machine can run, and how to mend what it cannot.
func Doctor() error {
	return rootProgram("doctor")
}

// Clean removes what was built and whatever an experiment left on this machine.
func Clean() error {
	if err := rootProgram("sweep", root, runRoot); err != nil {
		return err
	}
	for _, built := range []string{binaries, "internal/base/dist/base.tar.gz", "internal/base/dist/config.json"} {
		if err := os.RemoveAll(built); err != nil {
			return err
		}
	}
	return nil
}

// Chapters looks after the files that chapters have in common.
type Chapters mg.Namespace

// Carry copies a fix of a chapter's file to the later chapters: chapters:carry stage01-namespaces/run.go
func (Chapters) Carry(file string) error {
	written, err := chapters.Carry(".", file)
	for _, path := range written {
		fmt.Println(path)
	}
	return err
}

// Check proves what takes too long to prove at every test.
type Check mg.Namespace

// Chapters proves that the steps of each chapter, done one by one, turn its tests green in their order.
func (Check) Chapters() error {
	return test("./internal/testbed/chapters", "-timeout=1h", "-args", "-proofs")
}

// Chapter proves the steps of one chapter: check:chapter 3
func (Check) Chapter(number int) error {
	if number < 1 || number > len(chapters.All) {
		return fmt.Errorf("give a chapter, from 1 to %d", len(chapters.All))
	}
	return test("./internal/testbed/chapters", "-timeout=1h", "-run=^TestProofs$/^"+chapters.All[number-1].Folder+"$", "-args", "-proofs")
}

// Fuzz feeds each fuzz test with new input for so long: fuzz 1m
func Fuzz(each time.Duration) error {
	mg.SerialDeps(BaseImage)
	// A chapter has the tests of all before it.
	last := "./" + chapters.All[len(chapters.All)-1].Folder
	listed, err := output("go", "test", "-list=^Fuzz", last, "./final/...", "./internal/...")
	if err != nil {
		return err
	}
	var names []string
	for line := range strings.Lines(listed) {
		if strings.HasPrefix(line, "Fuzz") {
			names = append(names, strings.TrimSpace(line))
			continue
		}
		// The names of a package come before its "ok".
		for _, name := range names {
			pkg := strings.Fields(line)[1]
			if err := fuzz(pkg, name, each); err != nil {
				return err
			}
		}
		names = nil
	}
	return nil
}

// fuzz runs one fuzz test. Input that is new is not made smaller for long: some of these
// tests write to a disk, and do little else then. When the time is over in the midst of
// that, the go command says "context deadline exceeded", and has found nothing.
func fuzz(pkg, name string, each time.Duration) error {
	arguments := []string{"test", "-run=^$", "-fuzz=^" + name + "$", "-fuzztime=" + each.String(), "-fuzzminimizetime=20x", pkg}
	var printed bytes.Buffer
	program := exec.Command("go", arguments...)
	program.Stdout, program.Stderr = io.MultiWriter(os.Stdout, &printed), os.Stderr
	err := program.Run()
	found := bytes.Contains(printed.Bytes(), []byte("Failing input written")) || bytes.Contains(printed.Bytes(), []byte("panic"))
	if !found && bytes.Contains(printed.Bytes(), []byte("\n    context deadline exceeded\n")) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s of %s: %w", name, pkg, err)
	}
	return nil
}

// Bench measures tinydocker beside crun, runc, bubblewrap, unshare, docker, tar, skopeo, umoci and host-local, as far as they are installed; figures go to bin/benchmarks.
func Bench() error {
	mg.SerialDeps(Build, archive)
	return rootProgram("bench", filepath.Join(binaries, "tinydocker"), baseArchive)
}

// Benchmarks measures as bench does, and puts the table and the chart into final/BENCHMARKS.md.
func Benchmarks() error {
	mg.SerialDeps(Build, archive)
	return rootProgram("bench", "-document", "final/BENCHMARKS.md", filepath.Join(binaries, "tinydocker"), baseArchive)
}

// Soak has containers run, and kills them, their monitors and the commands at random, for so long: soak 1h, soak -seed=7 5m
func Soak(length time.Duration, seed *int) error {
	args := []string{"-soak=" + length.String()}
	if seed != nil {
		args = append(args, "-seed="+strconv.Itoa(*seed))
	}
	return watch("TestSoak", args...)
}

// Sweep kills every command of tinydocker after each of its steps, or refuses it, and refuses each call of a first process; tests only take some.
func Sweep() error {
	return watch("TestKilledAfterAnyStep|TestAnyStepMayFail|TestAnyCallMayBeRefused", "-sweep")
}

// Crowd has a crowd use tinydocker, built by the race detector, for so long: crowd 10m
func Crowd(length time.Duration) error {
	if err := buildForRaces(); err != nil {
		return err
	}
	return watch("TestCrowd", "-crowd="+length.String())
}

// Cover shows how much of tinydocker its tests execute, and what they do not, in bin/cover.html.
func Cover() error {
	folder, err := filepath.Abs(filepath.Join(binaries, "cover"))
	if err != nil {
		return err
	}
	// What is there is of other builds; root has written it.
	if err := asRoot(nil, "rm", "-rf", folder); err != nil {
		return err
	}
	data := filepath.Join(folder, "data")
	// Users of containers that have their own are to write there, too.
	if err := errors.Join(os.MkdirAll(data, 0o755), os.Chmod(data, 0o777), os.Setenv("GOCOVERDIR", data)); err != nil {
		return err
	}
	// A program that becomes another one can only tell before, and that only of atomic counters.
	instrumented := []string{"-cover", "-covermode=atomic", "-coverpkg=./final/..."}
	flags, err := testFlags(append(instrumented, static+",cover")...)
	if err != nil {
		return err
	}
	if err := buildForRaces(); err != nil {
		return err
	}
	run := []string{"go", "tool", "gotestsum", "--format=pkgname-and-test-fails", "--", "-p=1", "-timeout=60m", "-tags=cover"}
	tested := command(slices.Concat(run, instrumented, flags, []string{"./final/...", "-args", "-test.gocoverdir=" + data})...)
	// What is done about a call that fails, only shows if each of them does.
	refused := command(slices.Concat(run, instrumented, flags, []string{"-run=^TestAnyCallMayBeRefused$", "./final", "-args", "-sweep", "-test.gocoverdir=" + data})...)
	tested = errors.Join(tested, refused)
	profile, page := filepath.Join(folder, "profile.txt"), filepath.Join(binaries, "cover.html")
	for _, words := range [][]string{
		{"go", "tool", "covdata", "textfmt", "-i=" + data, "-o=" + profile},
		{"go", "tool", "cover", "-html=" + profile, "-o=" + page},
		{"go", "run", "./internal/coverage", profile},
	} {
		if err := command(words...); err != nil {
			return errors.Join(tested, err)
		}
	}
	return tested
}

// Mutate breaks things, one at a time, and sees their tests fail.
type Mutate mg.Namespace

// All breaks every chapter.
func (Mutate) All() error {
	mg.SerialDeps(BaseImage)
	return rootProgram("mutate")
}

// Chapter breaks one chapter: mutate:chapter 3
func (Mutate) Chapter(number int) error {
	mg.SerialDeps(BaseImage)
	return rootProgram("mutate", strconv.Itoa(number))
}

// Museum takes the guards out of tinydocker, and sees the museum's exhibits fail: mutate:museum -of=TestKeysOfTheHost
//
// Without -of, a regular expression for exhibits and guards, it tries all.
// With mage's -v it shows what the exhibits print.
func (Mutate) Museum(of *string) error {
	mg.SerialDeps(BaseImage)
	arguments := []string{"museum"}
	if mg.Verbose() {
		arguments = append(arguments, "-v")
	}
	if of != nil {
		arguments = append(arguments, *of)
	}
	return rootProgram("mutate", arguments...)
}

// Learn is the workshop: a chapter is laid out in work/, and red tests turn green.
type Learn mg.Namespace

// Start lays out a chapter, given by its number or its folder, for you to fill in: learn:start 1
func (Learn) Start(chapter string) error { return workshop().Start(chapter) }

// Restart lays out a chapter anew, and moves what you have written aside.
func (Learn) Restart(chapter string) error { return workshop().Restart(chapter) }

// Check says which step is next, and what its tests say of what you have written.
func (Learn) Check() error { return inWorkshop(learn.Workshop.Check) }

// Watch checks whenever you save, until Ctrl-C.
func (Learn) Watch(ctx context.Context) error {
	return inWorkshop(func(w learn.Workshop) error { return w.Watch(ctx) })
}

// Hint unfolds one more hint for the current step.
func (Learn) Hint() error { return workshop().Hint() }

// Diff shows your functions of the last step that is done beside the reference, or those of another: learn:diff -step=2
func (Learn) Diff(step *int) error {
	number := 0
	if step != nil {
		number = *step
	}
	return workshop().Diff(number)
}

// Next goes on to the chapter after the current one.
func (Learn) Next() error { return workshop().Next() }

// Status draws what is done of every chapter.
func (Learn) Status() error { return workshop().Status() }

// Without its chapter, mage would only count the arguments of learn:start.
func init() {
	if words := os.Args[1:]; len(words) == 1 && strings.EqualFold(words[0], "learn:start") {
		fmt.Fprintln(os.Stderr, workshop().Start(""))
		os.Exit(1)
	}
}

func workshop() learn.Workshop { return learn.Workshop{Root: ".", Out: os.Stdout} }

// inWorkshop does what builds as the caller and tests as root.
func inWorkshop(do func(learn.Workshop) error) error {
	mg.SerialDeps(BaseImage)
	prefix, err := rootCommand()
	if err != nil {
		return err
	}
	w := workshop()
	w.AsRoot = prefix
	return do(w)
}

// Test runs the tests: all of them, or those of one chapter.
type Test mg.Namespace

// All tests everything.
func (Test) All() error { return test("./...") }

// Stage01 tests chapter 1: namespaces.
func (Test) Stage01() error { return test("./stage01-namespaces") }

// Stage02 tests chapter 2: cgroups.
func (Test) Stage02() error { return test("./stage02-cgroups") }

// Stage03 tests chapter 3: layers and pivot_root.
func (Test) Stage03() error { return test("./stage03-aufs-pivotroot") }

// Stage04 tests chapter 4: volumes and commit.
func (Test) Stage04() error { return test("./stage04-volumes-commit") }

// Stage05 tests chapter 5: ps, logs, exec.
func (Test) Stage05() error { return test("./stage05-ps-logs-exec") }

// Stage06 tests chapter 6: networks and addresses.
func (Test) Stage06() error { return test("./stage06-network-ipam") }

// Final tests tinydocker.
func (Test) Final() error { return test("./final/...") }

// Internal tests what chapters and tinydocker share: the built-in image and the test harness.
func (Test) Internal() error { return test("./internal/...") }

// test builds as the caller and runs the test binaries as root. What it is given ends a
// `go test`: packages, and flags for them.
func test(packages ...string) error {
	flags, err := testFlags()
	if err != nil {
		return err
	}
	if slices.Contains(packages, "./...") || slices.Contains(packages, "./final/...") {
		if err := buildForRaces(); err != nil {
			return err
		}
	}
	// One package at a time: each suite ends with a look at what it left on
	// the machine, and must not see what another is just using.
	run := []string{"go", "tool", "gotestsum", "--format=pkgname-and-test-fails", "--", "-race", "-p=1", "-timeout=15m"}
	return command(slices.Concat(run, flags, packages)...)
}

// watch runs one test of tinydocker for as long as it takes, and shows what it prints.
func watch(name string, args ...string) error {
	flags, err := testFlags()
	if err != nil {
		return err
	}
	run := []string{"go", "test", "-v", "-timeout=0", "-run=^(" + name + ")$"}
	return command(slices.Concat(run, flags, []string{"./final", "-args"}, args)...)
}

// buildForRaces builds tinydocker so that it looks for data races, for the tests of final
// alone: it takes as long as all other programs.
func buildForRaces() error {
	mg.SerialDeps(BaseImage)
	return command("go", "build", "-race", "-o", filepath.Join(testing, "final-race"), "./final")
}

// testFlags builds the programs under test, tinydocker in a certain way or else the usual
// one, and has `go test` take them, and be root.
func testFlags(way ...string) ([]string, error) {
	mg.SerialDeps(BaseImage)
	if len(way) == 0 {
		way = []string{static}
	}
	others := slices.Concat([]string{"go", "build", static, "-o", testing + "/"}, chapters.Programs, stages())
	for _, build := range [][]string{
		others,
		slices.Concat([]string{"go", "build"}, way, []string{"-o", filepath.Join(testing, "final"), "./final"}),
	} {
		if err := command(build...); err != nil {
			return nil, err
		}
	}
	prebuilt, err := filepath.Abs(testing)
	if err != nil {
		return nil, err
	}
	environment := []string{"env", "TESTBED_BINARIES=" + prebuilt, "TESTBED_MUST=" + os.Getenv("TESTBED_MUST"), "PATH=" + os.Getenv("PATH")}
	if folder := os.Getenv("GOCOVERDIR"); folder != "" {
		environment = append(environment, "GOCOVERDIR="+folder)
	}
	runner, err := rootCommand(environment...)
	if err != nil {
		return nil, err
	}
	return []string{"-count=1", "-exec='" + strings.Join(runner, "' '") + "'"}, nil
}

// VM is machines with other kernels: one of Vagrant's, whose kernel has AUFS, and those
// that QEMU emulates.
type VM mg.Namespace

// Up starts Vagrant's VM, and makes it if there is none yet (see vagrant/README.md).
func (VM) Up() error {
	if provider := os.Getenv("VM_PROVIDER"); provider != "" {
		return vagrant("up", "--provider="+provider)
	}
	return vagrant("up")
}

// Ssh opens a shell in Vagrant's VM; the repository is in /mytinydocker.
func (VM) Ssh() error { return vagrant("ssh") }

// Test runs tests in Vagrant's VM, those of a chapter or of all: vm:test stage03
func (VM) Test(target string) error {
	targets := "test:" + target
	if target == "all" {
		targets = ""
		for index := range chapters.All {
			targets += fmt.Sprintf(" test:stage%02d", index+1)
		}
	}
	if strings.Trim(target, "abcdefghijklmnopqrstuvwxyz0123456789") != "" { // a shell reads it
		return fmt.Errorf("there are no tests %q: stage01 to stage%02d, final, all", target, len(chapters.All))
	}
	if err := vagrant("rsync"); err != nil { // where the folder is a copy
		return err
	}
	return vagrant("ssh", "--no-tty", "--command", "cd /mytinydocker && go tool mage "+targets)
}

// Halt stops Vagrant's VM.
func (VM) Halt() error { return vagrant("halt") }

// Destroy removes Vagrant's VM, with all that is in it.
func (VM) Destroy() error { return vagrant("destroy", "--force") }

// Kernel runs tests under another kernel, emulated: vm:kernel [BZIMAGE [stage03|final|all]]
//
// Without an image it is the distribution's own, which is downloaded but not installed;
// without tests, it is those of cgroups.
func (VM) Kernel(image, tests string) error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return errors.New("this needs Linux on x86-64: use vm:up and vm:test, or run it in vm:ssh")
	}
	mg.SerialDeps(BaseImage)
	runner := filepath.Join(binaries, "kerneltest")
	if err := command("go", "build", "-o", runner, "./internal/vm/kerneltest"); err != nil {
		return err
	}
	return command("go", "tool", "gotestsum", "--format=pkgname-and-test-fails", "--raw-command", "--ignore-non-json-output-lines", "--",
		runner, "-console="+strconv.FormatBool(mg.Verbose()), image, tests)
}

// What vm:kernel is not given is empty. Mage itself knows of targets with so many
// arguments, no more and no less.
func init() {
	at := slices.IndexFunc(os.Args, func(word string) bool { return strings.EqualFold(word, "vm:kernel") })
	for at >= 0 && len(os.Args) < at+3 {
		os.Args = append(os.Args, "")
	}
}

func vagrant(words ...string) error {
	if _, err := exec.LookPath("vagrant"); err != nil {
		return errors.New("install Vagrant and a provider for it, such as VirtualBox: see vagrant/README.md")
	}
	return startIn("vagrant", os.Stdin, append([]string{"vagrant"}, words...)...)
}

func stages() []string {
	var folders []string
	for _, chapter := range chapters.All {
		folders = append(folders, "./"+chapter.Folder)
	}
	return folders
}

// rootProgram builds one of our own programs as the caller and runs it as root.
func rootProgram(name string, args ...string) error {
	path := filepath.Join(binaries, name)
	if err := command("go", "build", "-o", path, "./internal/"+name); err != nil {
		return err
	}
	return asRoot(os.Stdin, append([]string{path}, args...)...)
}

func asRoot(stdin io.Reader, words ...string) error {
	words, err := rootCommand(words...)
	if err != nil {
		return err
	}
	return start(stdin, words...)
}

// rootCommand puts sudo before a command where the caller is not root.
func rootCommand(words ...string) ([]string, error) {
	if os.Geteuid() == 0 {
		return words, nil
	}
	if _, err := exec.LookPath("sudo"); err != nil {
		return nil, fmt.Errorf("containers need root: install sudo, or run this as root")
	}
	return append([]string{"sudo"}, words...), nil
}

// output runs a program and returns what it prints.
func output(words ...string) (string, error) {
	program := exec.Command(words[0], words[1:]...)
	program.Stderr = os.Stderr
	printed, err := program.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(words, " "), err)
	}
	return string(printed), nil
}

func command(words ...string) error { return start(nil, words...) }

func start(stdin io.Reader, words ...string) error { return startIn("", stdin, words...) }

// startIn runs a program in a folder, prints what it prints, and fails as it fails.
func startIn(folder string, stdin io.Reader, words ...string) error {
	program := exec.Command(words[0], words[1:]...)
	program.Dir = folder
	program.Stdin, program.Stdout, program.Stderr = stdin, os.Stdout, os.Stderr
	if err := program.Run(); err != nil {
		return mg.Fatalf(max(program.ProcessState.ExitCode(), 1), "%s: %v", words[0], err)
	}
	return nil
}
