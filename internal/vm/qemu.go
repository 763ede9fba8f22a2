package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

const emulator = "qemu-system-x86_64"

// commandLine of the kernel. What goes wrong before there is a console is printed, too;
// a panic, the last thing that it does of its own, ends the machine; the emulated clock
// is not worth a panic; and a busy machine has no time for what guards the kernel
// against its programs.
const commandLine = "console=ttyS0 earlyprintk=ttyS0 loglevel=4 panic=-1 no_timer_check random.trust_cpu=on mitigations=off rdinit=/init"

// process is QEMU.
type process struct {
	command *exec.Cmd
	reports *os.File // what the guest writes to its second serial line
}

// start starts QEMU. It lives no longer than ctx and the thread that calls start.
func (m Machine) start(ctx context.Context, accelerator string, console *tail) (*process, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer writer.Close()
	command := exec.CommandContext(ctx, emulator, m.arguments(accelerator)...)
	command.ExtraFiles = []*os.File{writer}
	command.Stdout = console
	if m.Console != nil {
		command.Stdout = io.MultiWriter(console, m.Console)
	}
	command.Stderr = command.Stdout
	// A Ctrl-C is for us, who then end it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	command.WaitDelay = 10 * time.Second
	if err := command.Start(); err != nil {
		reader.Close()
		if errors.Is(err, exec.ErrNotFound) {
			return nil, fmt.Errorf("%w: apt-get install qemu-system-x86", err)
		}
		return nil, fmt.Errorf("start the machine: %w", err)
	}
	return &process{command: command, reports: reader}, nil
}

// arguments has two serial lines and nothing else that a kernel would need a
// driver for.
func (m Machine) arguments(accelerator string) []string {
	return []string{
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-net", "none",
		"-machine", "pc", "-accel", accelerator, "-cpu", "max,la57=off",
		"-smp", strconv.Itoa(m.CPUs), "-m", strconv.Itoa(m.Memory),
		"-kernel", m.Kernel, "-initrd", m.Initramfs, "-append", commandLine,
		"-chardev", "file,id=console,path=/proc/self/fd/1", "-serial", "chardev:console",
		"-chardev", "file,id=reports,path=/proc/self/fd/3", "-serial", "chardev:reports",
	}
}

func (p *process) wait() error {
	defer p.reports.Close()
	return p.command.Wait()
}
