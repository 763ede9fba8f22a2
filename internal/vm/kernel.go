package vm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Kernel is a kernel to boot.
type Kernel struct {
	Image   string // file
	Release string // as `uname -r` prints it; empty if the image does not say
	Modules string // the folder with its modules, or empty: all is built in
}

// FindKernel returns the kernel in the file image. Its modules are in the folder
// modules; if that is empty, where a distribution puts them: beside an image
// /boot/vmlinuz, in /lib/modules/RELEASE. An image without may do well.
func FindKernel(image, modules string) (Kernel, error) {
	release, err := release(image)
	if err != nil {
		return Kernel{}, fmt.Errorf("the kernel %s: %w", image, err)
	}
	kernel := Kernel{Image: image, Release: release, Modules: modules}
	if modules == "" && release == "" {
		return kernel, nil
	}
	if modules == "" {
		beside := filepath.Join(filepath.Dir(image), "../lib/modules", release)
		if info, err := os.Stat(beside); err == nil && info.IsDir() {
			kernel.Modules = beside
		}
		return kernel, nil
	}
	if info, err := os.Stat(modules); err != nil {
		return Kernel{}, fmt.Errorf("the modules of the kernel %s: %w", image, err)
	} else if !info.IsDir() {
		return Kernel{}, fmt.Errorf("the modules of the kernel %s: %s is not a folder", image, modules)
	}
	return kernel, nil
}

// Where an x86 image says what it is (Documentation/arch/x86/boot.rst).
const (
	magicOffset   = 0x202
	versionOffset = 0x20e
	versionBase   = 0x200
)

// release reads the release out of a bzImage.
func release(image string) (string, error) {
	file, err := os.Open(image)
	if err != nil {
		return "", err
	}
	defer file.Close()
	head := make([]byte, 32<<10)
	count, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	if !bytes.Equal(head[magicOffset:magicOffset+4], []byte("HdrS")) {
		return "", errors.New("not a kernel image for x86 (bzImage)")
	}
	head = head[:count]
	at := versionBase + int(binary.LittleEndian.Uint16(head[versionOffset:]))
	if at == versionBase || at >= len(head) {
		return "", nil // it does not say
	}
	version, _, _ := bytes.Cut(head[at:], []byte{0})
	release, _, _ := bytes.Cut(version, []byte(" "))
	return string(release), nil
}
