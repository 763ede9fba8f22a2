package machine

import (
	"os/exec"
	"strings"

	"github.com/google/nftables"
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
		check.Found += ": " + strings.TrimSpace(string(output))
		check.Mend = "modprobe ip_tables, or be root"
		return check
	}
	check.OK = true
	return check
}
