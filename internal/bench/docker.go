package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// daemon is a Docker of our own: its socket, its images and its networks are nobody
// else's. Without the program there is none, and daemon is nil.
type daemon struct {
	socket string
	server *exec.Cmd
	said   bytes.Buffer
}

// dockerPatience is how long a daemon may take until it listens.
const dockerPatience = time.Minute

func startDocker(folder, image string) (*daemon, error) {
	if !installed("dockerd", "docker") {
		return nil, nil
	}
	d := &daemon{socket: filepath.Join(folder, "docker.sock")}
	d.server = exec.Command("dockerd", "-H", "unix://"+d.socket, "--data-root", filepath.Join(folder, "docker"),
		"--exec-root", filepath.Join(folder, "docker-run"), "--pidfile", filepath.Join(folder, "docker.pid"))
	d.server.Stdout, d.server.Stderr = &d.said, &d.said
	d.server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := d.server.Start(); err != nil {
		return nil, fmt.Errorf("start dockerd: %w", err)
	}
	deadline := time.Now().Add(dockerPatience)
	for d.client("version").Run() != nil {
		if time.Now().After(deadline) {
			_ = d.server.Process.Kill()
			_ = d.server.Wait()
			return nil, fmt.Errorf("dockerd does not listen: %s", d.said.String())
		}
		<-time.After(100 * time.Millisecond)
	}
	archive, err := os.Open(image)
	if err != nil {
		return d, err
	}
	defer archive.Close()
	load := d.client("import", "-", "base")
	load.Stdin = archive
	return d, do(load)
}

// client is a command of the daemon's client.
func (d *daemon) client(arguments ...string) *exec.Cmd {
	return exec.Command("docker", append([]string{"-H", "unix://" + d.socket}, arguments...)...)
}

func (d *daemon) stop() error {
	if d == nil {
		return nil
	}
	if err := d.server.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	_ = d.server.Wait() // how it ends is its own affair
	return nil
}

// docker returns the contender that runs one of the daemon's commands, if there is a
// daemon.
func (b *bench) dockerOnce(arguments ...string) []contender {
	if b.docker == nil {
		return nil
	}
	return []contender{timed("docker", func() *exec.Cmd { return b.docker.client(arguments...) })}
}

func installed(programs ...string) bool {
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			return false
		}
	}
	return true
}
