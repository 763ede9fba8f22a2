// Package vm runs tests under another kernel: on a machine that QEMU emulates, with
// a root file system that is made for them, and without any right or set-up on the
// machine that it runs on.
//
// A kernel (FindKernel, Debian) and a tree of files (Tree) make a Machine. Its first
// program is the guest, which is given orders and reports (package wire). Pack puts
// test binaries (Compile) into a tree, and a Verdict turns reports into what
// `go test -json` prints.
package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"mytinydocker/internal/vm/wire"
)

// Machine is a machine that does not run yet.
type Machine struct {
	Kernel    string // file with an x86 kernel image
	Initramfs string // file with the archive that becomes the root
	Memory    int    // MiB
	CPUs      int
	Console   io.Writer // gets what the kernel prints; may be nil

	// Boot is how long it may take from the start to the first report, and
	// Silence how long from each report to the next; zero is boot and silence.
	Boot, Silence time.Duration
}

// What a busy machine that emulates another one needs, and some more.
const (
	boot    = 4 * time.Minute
	silence = 2 * time.Minute
)

// Run starts the machine, calls each with every report, and ends the machine, in
// any case. It is an error if the machine ends before it has said that it is done,
// or is silent for too long; the error then shows the end of what the kernel has
// printed.
//
// KVM runs the machine if it can. That it is there does not say that it works, so
// where the machine does not boot with it, QEMU's own emulation has a try.
func (m Machine) Run(ctx context.Context, each func(wire.Report) error) error {
	return m.try(ctx, accelerators(), each)
}

func (m Machine) try(ctx context.Context, accelerators []string, each func(wire.Report) error) error {
	var failures error
	for _, accelerator := range accelerators {
		booted := false
		err := m.run(ctx, accelerator, func(report wire.Report) error {
			booted = true
			return each(report)
		})
		if err == nil || booted || ctx.Err() != nil {
			return err
		}
		failures = errors.Join(failures, fmt.Errorf("with %s: %w", accelerator, err))
	}
	return failures
}

func accelerators() []string {
	if kvm, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0); err == nil {
		kvm.Close()
		return []string{"kvm", "tcg"}
	}
	return []string{"tcg"}
}

func (m Machine) run(ctx context.Context, accelerator string, each func(wire.Report) error) error {
	// The kernel ends QEMU with the thread that has started it, so keep that.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	console := &tail{}
	qemu, err := m.start(ctx, accelerator, console)
	if err != nil {
		return err
	}
	limit := orElse(m.Boot, boot)
	clock := time.AfterFunc(limit, func() { cancel(fmt.Errorf("the machine did not boot within %v", limit)) })
	err = wire.Receive(qemu.reports, func(report wire.Report) error {
		clock.Stop()
		limit := orElse(m.Silence, silence)
		clock = time.AfterFunc(limit, func() { cancel(fmt.Errorf("the machine was silent for %v", limit)) })
		return each(report)
	})
	clock.Stop()
	cause := context.Cause(ctx)
	cancel(nil)
	ended := qemu.wait()
	switch {
	case err == nil:
		return nil
	case cause != nil:
		err = cause
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = endedEarly(ended)
	}
	return fmt.Errorf("%w; the last words on its console:\n%s", err, console)
}

// endedEarly is why a machine has ended before it has said that it is done. QEMU ends
// without an error if the machine restarts, as it does after a panic; its end is then
// only that we wanted it.
func endedEarly(qemu error) error {
	if qemu == nil || errors.Is(qemu, context.Canceled) {
		return errors.New("the machine ended before its tests")
	}
	return fmt.Errorf("the machine ended before its tests (QEMU: %w)", qemu)
}

func orElse(given, usual time.Duration) time.Duration {
	if given == 0 {
		return usual
	}
	return given
}
