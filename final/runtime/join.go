package runtime

import (
	"errors"
	"fmt"
	"os"
	goruntime "runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"mytinydocker/final/explain"
)

// joinable are the namespaces of others that a container may be started in, with
// their names in /proc/PID/ns and the option of nsenter(1).
var joinable = map[specs.LinuxNamespaceType]string{
	specs.NetworkNamespace: "net", specs.IPCNamespace: "ipc", specs.UTSNamespace: "uts",
}

// inNamespaces calls start on this thread in those of the namespaces that exist
// already, and brings the thread back. So the first process is born in them,
// whatever it is, and whoever joins that process joins them, too.
func inNamespaces(namespaces []specs.LinuxNamespace, log explain.Log, start func() error) (err error) {
	goruntime.LockOSThread()
	returned := true
	defer func() {
		if returned { // else nobody is to use this thread ever again
			goruntime.UnlockOSThread()
		}
	}()
	for _, namespace := range namespaces {
		if namespace.Path == "" {
			continue
		}
		back, joined := join(namespace, log)
		if joined != nil {
			return joined
		}
		defer func() {
			if failed := back(); failed != nil {
				returned, err = false, errors.Join(err, failed)
			}
		}()
	}
	return start()
}

// join brings this thread into a namespace, and returns what brings it back.
func join(namespace specs.LinuxNamespace, log explain.Log) (back func() error, err error) {
	name, kind := joinable[namespace.Type], int(namespaceFlags[namespace.Type])
	ours, err := os.Open("/proc/thread-self/ns/" + name)
	if err != nil {
		return nil, fmt.Errorf("hold our own %s namespace: %w", name, err)
	}
	theirs, err := os.Open(namespace.Path)
	if err == nil {
		defer theirs.Close()
		log.Run(explain.Exec, "nsenter", "--"+name+"="+realPath(namespace.Path), "sh")
		err = unix.Setns(int(theirs.Fd()), kind)
	}
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("join the %s namespace %s: %w", name, namespace.Path, err)
	}
	return func() error {
		defer ours.Close()
		if err := unix.Setns(int(ours.Fd()), kind); err != nil {
			return fmt.Errorf("go back to our own %s namespace: %w", name, err)
		}
		return nil
	}, nil
}
