package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"mytinydocker/final/runtime"
)

// MonitorRole is the first argument of this program in its role as monitor: the
// watcher of a container that nobody watches in the foreground. It is started by
// the command that starts the container, in a session of its own, so that neither a
// terminal's end nor Ctrl-C reaches it.
const MonitorRole = "monitor"

// The open files that a monitor inherits.
const (
	monitorLock   = 3 // the container's lock, held
	monitorClient = 4 // a socket whose other end is the first client's
)

// order is what a monitor is told, on its standard input.
type order struct {
	Root    string `json:"root"`
	Run     string `json:"run"`
	ID      string `json:"id"`
	New     bool   `json:"new"` // to be removed if it cannot be started
	Explain bool   `json:"explain"`

	// Exec is the program to run in a container that somebody else watches.
	Exec *ExecOptions `json:"exec,omitempty"`
}

// startMonitor starts a monitor for a container whose lock is held, which it takes
// over, and returns our end of the socket to it. From then on the monitor is
// responsible for the container, and nobody else. For a further program in a
// container there is no lock to take over.
func (e *Engine) startMonitor(wanted order, held *lock) (_ *net.UnixConn, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("start the monitor of the container %.12s: %w", wanted.ID, err)
		}
	}()
	wanted.Root, wanted.Run, wanted.Explain = e.root, e.run, e.Explain != nil
	ours, theirs, err := connected()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	orders, err := json.Marshal(wanted)
	if err != nil {
		return nil, errors.Join(err, ours.Close())
	}
	input, err := fileOf(orders)
	if err != nil {
		return nil, errors.Join(err, ours.Close())
	}
	defer input.Close()
	monitor := exec.Command("/proc/self/exe", MonitorRole)
	monitor.Args[0] = "tinydocker"
	// It waits most of the time: what each processor has for itself would be idle memory.
	monitor.Env = append([]string{"PATH=" + defaultPath, "GOMAXPROCS=1"}, instruments()...)
	monitor.Dir = "/"
	monitor.Stdin = input
	monitor.ExtraFiles = []*os.File{input, theirs}
	if held != nil {
		monitor.ExtraFiles[0] = held.file
	}
	monitor.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := monitor.Start(); err != nil {
		return nil, errors.Join(err, ours.Close())
	}
	return ours, monitor.Process.Release()
}

// connected returns two ends of a socket, one of them as a file to be inherited.
func connected() (*net.UnixConn, *os.File, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	theirs := os.NewFile(uintptr(pair[1]), "the monitor's socket")
	ours, err := connOf(os.NewFile(uintptr(pair[0]), "our socket"))
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return ours, theirs, nil
}

func connOf(file *os.File) (*net.UnixConn, error) {
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s is no unix socket", file.Name()), conn.Close())
	}
	return socket, nil
}

// fileOf returns a file in memory with content, to be read from its start.
func fileOf(content []byte) (*os.File, error) {
	descriptor, err := unix.MemfdCreate("orders", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(descriptor), "orders")
	if _, err := file.Write(content); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if _, err := file.Seek(0, 0); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Monitor is the life of a monitor. The error is one that no client could be told.
func Monitor() error {
	unix.CloseOnExec(monitorLock)
	unix.CloseOnExec(monitorClient)
	held := &lock{file: os.NewFile(monitorLock, "the container's lock")}
	client, err := connOf(os.NewFile(monitorClient, "the first client"))
	if err != nil {
		return errors.New("a monitor is started by tinydocker itself, and not by hand")
	}
	var wanted order
	if err := json.NewDecoder(os.Stdin).Decode(&wanted); err != nil {
		return fmt.Errorf("read what to watch: %w", err)
	}
	if err := leaveStandardFiles(); err != nil {
		return err
	}
	engine, err := open(wanted.Root, wanted.Run)
	if err != nil {
		return err
	}
	if wanted.Exec != nil {
		held.release()
		return engine.monitorExec(wanted, client)
	}
	if err := signLock(held.file); err != nil {
		return err
	}
	return engine.monitor(wanted, held, client)
}

// leaveStandardFiles lets go of what our starter had as its standard files: somebody
// may wait for their ends.
func leaveStandardFiles() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for standard := range 3 {
		if err := unix.Dup3(int(null.Fd()), standard, 0); err != nil {
			return fmt.Errorf("let go of file descriptor %d: %w", standard, err)
		}
	}
	return nil
}

// monitor watches a container to its end, whether it can be started or not.
func (e *Engine) monitor(wanted order, held *lock, client net.Conn) error {
	record, err := e.readRecord(wanted.ID)
	if err != nil {
		return err
	}
	signals := catchSignals()
	defer signals.stop()
	w := &watcher{engine: e, record: record, held: held, signals: signals}
	if w.clients, err = newClients(w, client); err != nil {
		return err
	}
	if wanted.Explain {
		e.Explain = w.clients.step
	}
	_, err = w.watchToTheEnd(wanted.New)
	return err
}

// statusOf is the exit status of a command whose container failed with err.
func statusOf(err error) int {
	if start := (*runtime.StartError)(nil); errors.As(err, &start) {
		return start.Status
	}
	return runtime.StatusFailed
}
