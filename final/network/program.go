package network

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// program runs one of the programs of iptables and returns what it says. It is the one
// place where this package runs a program: a name of ours, with words of ours, which no
// shell sees.
func program(name, input string, arguments ...string) (string, error) {
	path, err := findProgram(name)
	if err != nil {
		return "", err
	}
	command := exec.Command(path, arguments...) //nolint:forbidigo // the rules are what it is the interface of
	command.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	command.Stdin = strings.NewReader(input)
	var output, message bytes.Buffer
	command.Stdout, command.Stderr = &output, &message
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, strings.Join(strings.Fields(message.String()), " "))
	}
	return output.String(), nil
}

// findProgram looks where such programs are, even if our caller's PATH does not.
func findProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, folder := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", errors.New("there is no program " + name + ": install iptables")
}
