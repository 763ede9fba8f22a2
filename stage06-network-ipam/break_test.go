package main

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What chapter 6 leaves open.

// A firewall that is loaded anew forgets the rules that it has not made. Nothing looks
// after ours: the port is dead until its container is started again. The complete tool
// mends its networks.
func TestBreakFlushedRulesStayAway(t *testing.T) {
	network := networkOf(t, "10.81.0.0/24")
	server(t, network, "-p", "8080:80")
	require.NoError(t, exec.Command("iptables", "-t", "nat", "-F").Run())

	refused := container(t, []string{"--net", network}, "wget", "-q", "-T", "1", "-O", "-", "http://10.81.0.1:8080/").Run(t)

	require.NotZero(t, refused.Code, refused.Stdout)
}

// Containers have addresses, and who wants to ask another must know it. It is another
// one after the next start. The complete tool has names.
func TestBreakContainersDoNotKnowEachOthersNames(t *testing.T) {
	network := networkOf(t, "10.81.0.0/24")
	server(t, network, "--name", "web", "--hostname", "web")

	result := container(t, []string{"--net", network}, "wget", "-q", "-T", "1", "-O", "-", "http://web/").Run(t)

	require.NotZero(t, result.Code)
}

// Who is root in a container may say whatever he likes on its cable: that he has the
// address of his neighbour, for one. The bridge believes it. The complete tool takes
// raw sockets and the right to change addresses away (capabilities(7)).
func TestBreakContainerMayChangeItsNetwork(t *testing.T) {
	network := networkOf(t, "10.81.0.0/24")

	result := container(t, []string{"--net", network}, "sh", "-c", "grep CapEff /proc/self/status").Run(t)

	_, number, _ := strings.Cut(strings.TrimSpace(result.Stdout), "\t")
	effective, err := strconv.ParseUint(number, 16, 64)
	require.NoError(t, err)
	require.NotZero(t, effective&(1<<unix.CAP_NET_ADMIN))
	require.NotZero(t, effective&(1<<unix.CAP_NET_RAW))
}
