package main

import (
	"archive/tar"
	"bytes"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// folders of the root, with their modes. A folder comes before what is in it.
var folders = []struct {
	name string
	mode int64
}{
	{"./", 0o755}, {"bin/", 0o755}, {"dev/", 0o755}, {"etc/", 0o755}, {"home/", 0o755}, {"mnt/", 0o755}, {"opt/", 0o755},
	{"proc/", 0o555}, {"root/", 0o700}, {"run/", 0o755}, {"srv/", 0o755}, {"sys/", 0o555}, {"tmp/", 0o1777}, {"usr/", 0o755},
	{"usr/local/", 0o755}, {"usr/local/bin/", 0o755}, {"usr/local/sbin/", 0o755}, {"usr/share/", 0o755},
	{"var/", 0o755}, {"var/lib/", 0o755}, {"var/log/", 0o755}, {"var/tmp/", 0o1777},
}

// links make one folder of programs of the four that a PATH names.
var links = [][2]string{
	{"sbin", "bin"}, {"usr/bin", "../bin"}, {"usr/sbin", "../bin"}, {"var/run", "../run"}, {"etc/mtab", "../proc/self/mounts"},
}

var files = map[string]string{
	"etc/passwd": `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/:/bin/false
app:x:1000:1000:somebody without privileges:/home/app:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
`,
	"etc/group": `root:x:0:
daemon:x:1:
tty:x:5:
app:x:1000:
nogroup:x:65534:
`,
	"etc/hosts":         "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
	"etc/hostname":      "base\n",
	"etc/resolv.conf":   "",
	"etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
	"etc/shells":        "/bin/sh\n",
	"etc/profile":       "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n",
	"etc/os-release":    "NAME=\"MyTinyDocker base\"\nID=mytinydocker\nPRETTY_NAME=\"MyTinyDocker base image\"\n",
}

// rootfs returns the root file system with the box at path as a tar archive,
// in which everything belongs to root and has the time of the epoch.
func rootfs(boxPath string) ([]byte, error) {
	box, err := os.ReadFile(boxPath)
	if err != nil {
		return nil, err
	}
	names, err := applets(boxPath)
	if err != nil {
		return nil, err
	}
	var headers []tar.Header
	for _, folder := range folders {
		headers = append(headers, tar.Header{Typeflag: tar.TypeDir, Name: folder.name, Mode: folder.mode})
	}
	headers = append(headers,
		tar.Header{Typeflag: tar.TypeDir, Name: "home/app/", Mode: 0o755, Uid: 1000, Gid: 1000},
		tar.Header{Typeflag: tar.TypeReg, Name: "bin/box", Mode: 0o755, Size: int64(len(box))})
	for _, name := range names {
		// Relative, so that they hold from outside of the root as well.
		headers = append(headers, tar.Header{Typeflag: tar.TypeSymlink, Name: path.Join("bin", name), Linkname: "box", Mode: 0o777})
	}
	for _, link := range links {
		headers = append(headers, tar.Header{Typeflag: tar.TypeSymlink, Name: link[0], Linkname: link[1], Mode: 0o777})
	}
	for name, content := range files {
		headers = append(headers, tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))})
	}
	slices.SortFunc(headers, func(a, b tar.Header) int { return strings.Compare(a.Name, b.Name) })
	return write(headers, box)
}

func write(headers []tar.Header, box []byte) ([]byte, error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, header := range headers {
		header.ModTime = time.Unix(0, 0)
		header.Format = tar.FormatPAX
		if err := writer.WriteHeader(&header); err != nil {
			return nil, err
		}
		content := []byte(files[header.Name])
		if header.Name == "bin/box" {
			content = box
		}
		if _, err := writer.Write(content); err != nil {
			return nil, err
		}
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}
