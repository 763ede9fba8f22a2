package machine

import (
	"errors"
	"os/exec"
	"strings"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// NFTables asks the kernel for its rules.
func NFTables() Check {
	check := Check{Name: "nftables", Mend: "modprobe nf_tables, or use a kernel with CONFIG_NF_TABLES"}
	connection, err := nftables.New()
	if err == nil {
		_, err = connection.ListTables()
	}
	check.OK, check.Found = err == nil, "yes"
	if err != nil {
		check.Found = err.Error()
	}
	if errors.Is(err, unix.EPERM) {
		check.Mend = "run it as root"
	}
	return check
}

// IPTables looks for the program and has it list the rules.
func IPTables() Check {
	check := Check{Name: "iptables", Mend: "apt-get install iptables"}
	version, err := exec.Command("iptables", "--version").Output()
	if err != nil {
		check.Found = err.Error()
		return check
	}
	check.Found = strings.TrimSpace(string(version))
	if output, err := exec.Command("iptables", "-t", "nat", "-S").CombinedOutput(); err != nil {
		reason, _, _ := strings.Cut(strings.TrimSpace(string(output)), "\n")
		check.Found += ": " + reason
		check.Mend = "run it as root, and modprobe nf_tables"
		return check
	}
	check.OK = true
	return check
}
