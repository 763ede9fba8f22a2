package main

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/registry"
)

// pulls are of an image with one layer, from a registry in this process. Who has an
// image has its files, verified, unpacked and on disk: skopeo fetches, and umoci unpacks.
func (b *bench) pulls() ([]contender, func() error, error) {
	archive, err := b.layer()
	if err != nil {
		return nil, nil, err
	}
	blobs := filepath.Join(b.folder, "registry")
	address, stop, err := serveRegistry(blobs)
	if err != nil {
		return nil, nil, err
	}
	image := address + "/image:1"
	for _, command := range []*exec.Cmd{b.tinydocker("import", archive, image), b.tinydocker("push", image), b.tinydocker("rmi", image)} {
		if err := do(command); err != nil {
			return nil, nil, errors.Join(err, stop())
		}
	}
	all := []contender{undone(ours, func() *exec.Cmd { return b.tinydocker("pull", image) }, func() *exec.Cmd { return b.tinydocker("rmi", image) })}
	if b.docker != nil {
		all = append(all, undone("docker",
			func() *exec.Cmd { return b.docker.client("pull", image) }, func() *exec.Cmd { return b.docker.client("rmi", image) }))
	}
	if installed("skopeo", "umoci") {
		folder := filepath.Join(b.folder, "layout")
		fetch := `skopeo --insecure-policy copy --src-tls-verify=false "docker://$1" "oci:$0:1"
			umoci raw unpack --image "$0:1" "$0/rootfs"
			sync -f "$0"`
		all = append(all, undone("skopeo, umoci",
			func() *exec.Cmd { return b.script(fetch, folder, image) }, func() *exec.Cmd { return exec.Command("rm", "-r", folder) }))
	}
	return all, func() error { return errors.Join(stop(), os.RemoveAll(blobs)) }, nil
}

// serveRegistry has a registry on the loopback, until it is stopped.
func serveRegistry(blobs string) (address string, stop func() error, err error) {
	if err := os.Mkdir(blobs, 0o755); err != nil {
		return "", nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(blobs)), registry.Logger(log.New(io.Discard, "", 0)))}
	ended := make(chan error)
	go func() { ended <- server.Serve(listener) }()
	return listener.Addr().String(), func() error {
		err := server.Close()
		if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}, nil
}
