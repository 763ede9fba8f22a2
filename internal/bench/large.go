package main

import (
	"archive/tar"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"mytinydocker/final/storage"
)

// unpackRole is this program as one that unpacks a layer as tinydocker does, verified
// and on disk.
const unpackRole = "unpack"

// wordy writes 500 MB in lines of 100 bytes.
var wordy = []string{"sh", "-c", fmt.Sprintf("yes %099d | head -c 500000000", 0)}

// logs are containers in the background whose output goes to their logs.
func (b *bench) logs() ([]contender, func() error, error) {
	all := []contender{timed(ours, func() *exec.Cmd {
		return b.script(`id=$("$0" run -d --network none base "$@") && "$0" wait $id && "$0" rm $id`, b.program, wordy...)
	})}
	if b.docker != nil {
		all = append(all, timed("docker", func() *exec.Cmd {
			return b.script(`id=$(docker -H "unix://$0" run -d --network none base "$@") && docker -H "unix://$0" wait $id && docker -H "unix://$0" rm $id`, b.docker.socket, wordy...)
		}))
	}
	return all, nothing, nil
}

// script is a shell's command; zero and arguments are its $0 and "$@".
func (b *bench) script(text, zero string, arguments ...string) *exec.Cmd {
	command := exec.Command("sh", append([]string{"-e", "-c", text, zero}, arguments...)...)
	command.Env = b.tinydocker().Env
	return command
}

const (
	manyFiles = 20_000
	fileSize  = 25_000
)

// unpacks are of an archive without compression, which would be the same for all.
func (b *bench) unpacks() ([]contender, func() error, error) {
	archive, err := b.layer()
	if err != nil {
		return nil, nil, err
	}
	into := func(run func(folder string) error) func() (float64, error) {
		return func() (float64, error) {
			folder, err := os.MkdirTemp(b.folder, "unpacked")
			if err != nil {
				return 0, err
			}
			defer storage.RemoveAll(folder) //nolint:errcheck // the folder of all is removed in the end
			return elapsed(func() error { return run(folder) })
		}
	}
	return []contender{
		{name: ours, once: into(func(folder string) error { return exec.Command("/proc/self/exe", unpackRole, archive, folder).Run() })},
		{name: "tar -x", once: into(func(folder string) error {
			if err := exec.Command("tar", "-C", folder, "-xf", archive).Run(); err != nil {
				return err
			}
			return onDisk(folder)
		})},
	}, nothing, nil
}

func onDisk(folder string) error {
	file, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer file.Close()
	return unix.Syncfs(int(file.Fd()))
}

// unpack is the unpacker's role.
func unpack(archive, folder string) error {
	id, err := digestOf(archive)
	if err != nil {
		return err
	}
	_, err = storage.NewLayers(folder, storage.Overlay{}).Ensure(id, func() (io.ReadCloser, error) { return os.Open(archive) })
	return err
}

// digestOf is kept beside the archive, as an image knows those of its layers.
func digestOf(archive string) (digest.Digest, error) {
	content, err := os.ReadFile(archive + ".digest")
	return digest.Digest(content), err
}

// layer returns the archive of the rows that are about a large layer. The first one makes it.
func (b *bench) layer() (path string, err error) {
	path = filepath.Join(b.folder, "layer.tar")
	if _, err := digestOf(path); err == nil { // it is written last
		return path, nil
	}
	return path, makeLayer(path)
}

// makeLayer makes an archive of files whose content does not compress.
func makeLayer(path string) error {
	layer, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer layer.Close()
	digester := digest.Canonical.Digester()
	writer := tar.NewWriter(io.MultiWriter(layer, digester.Hash()))
	random := rand.NewChaCha8([32]byte{})
	for index := range manyFiles {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("usr/lib/%d/%d.so", index/100, index), Mode: 0o644, Size: fileSize}
		if err := writer.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.CopyN(writer, random, fileSize); err != nil {
			return err
		}
	}
	if err := writer.Close(); err != nil {
		return err
	}
	return os.WriteFile(path+".digest", []byte(digester.Digest()), 0o600)
}

// commits are of containers that have written what compresses about as programs do.
func (b *bench) commits() ([]contender, func() error, error) {
	files := filepath.Join(b.folder, "files")
	if err := makeFiles(files); err != nil {
		return nil, nil, err
	}
	begin := []string{"run", "--name", "commit", "--network", "none", "-v", files + ":/files:ro", "base", "cp", "-r", "/files", "/data"}
	if err := do(b.tinydocker(begin...)); err != nil {
		return nil, nil, err
	}
	ends := []*exec.Cmd{b.tinydocker("rm", "commit")}
	all := []contender{timed(ours, func() *exec.Cmd { return b.tinydocker("commit", "commit", "committed") })}
	if b.docker != nil {
		if err := do(b.docker.client(begin...)); err != nil {
			return nil, nil, err
		}
		ends = append(ends, b.docker.client("rm", "commit"))
	}
	return append(all, b.dockerOnce("commit", "commit", "committed")...), func() error { return doAll(ends) }, nil
}

// makeFiles makes files of letters and digits, each of another content.
func makeFiles(folder string) error {
	random := rand.NewChaCha8([32]byte{})
	content := make([]byte, base64.StdEncoding.DecodedLen(fileSize))
	for index := range manyFiles {
		path := filepath.Join(folder, strconv.Itoa(index/100), strconv.Itoa(index))
		_, _ = random.Read(content) // it never fails
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(content)), 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
