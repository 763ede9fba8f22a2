package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// savedNetwork is a network as far as the disk knows it: no bridge, no rules.
func savedNetwork(t testing.TB, root, name, subnet string) *Network {
	t.Helper()
	network, err := newNetwork(name, "bridge", subnet)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(networksFolder(root), 0o700))
	require.NoError(t, network.save(root))
	return network
}

func take(t *testing.T, root string, network *Network, owner string) string {
	t.Helper()
	address, err := takeAddress(root, network, owner)
	require.NoError(t, err)
	return address.String()
}

func TestAddressesAreKept(t *testing.T) {
	root := t.TempDir()
	// Ancestors of this program read no more than 2000 bytes of what they had
	// written, and started from empty.
	network := savedNetwork(t, root, "wide", "172.16.0.0/16")

	require.Equal(t, "172.16.0.2", take(t, root, network, "a"))
	require.Equal(t, "172.16.0.3", take(t, root, network, "b"))
	require.Equal(t, "172.16.0.4", take(t, root, network, "c"))
	require.NoError(t, giveBackAddress(root, network, "b"))
	require.Equal(t, "172.16.0.3", take(t, root, network, "d"))

	content, err := os.ReadFile(filepath.Join(root, "networks/wide/addresses"))
	require.NoError(t, err)
	require.Len(t, content, 8192)
	require.Equal(t, byte(0b0001_1111), content[0])
	require.Equal(t, byte(0b1000_0000), content[8191])
}

// A container's end may be cleaned up after twice: by its monitor, and by `rm`. By
// then somebody else may have the address.
func TestAddressIsGivenBackOnce(t *testing.T) {
	root := t.TempDir()
	network := savedNetwork(t, root, "small", "10.0.0.0/29")
	address := take(t, root, network, "first")
	require.NoError(t, giveBackAddress(root, network, "first"))
	require.Equal(t, address, take(t, root, network, "second"))

	require.NoError(t, giveBackAddress(root, network, "first"))

	require.NotEqual(t, address, take(t, root, network, "third"))
	require.NoError(t, giveBackAddress(root, network, "nobody"))
}

func TestDamagedAddressesAreNotStartedAnew(t *testing.T) {
	root := t.TempDir()
	network := savedNetwork(t, root, "small", "10.0.0.0/24")
	take(t, root, network, "a")
	path := filepath.Join(root, "networks/small/addresses")
	for _, content := range []string{"", "short", strings.Repeat("\x00", 32)} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))

		_, err := takeAddress(root, network, "b")
		require.ErrorContains(t, err, "damaged")
		require.ErrorContains(t, err, "small")
		require.ErrorContains(t, giveBackAddress(root, network, "a"), "damaged")

		left, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(left))
	}
	require.NoError(t, os.Remove(path))
	_, err := takeAddress(root, network, "b")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoFileExists(t, path)
}

func TestExhaustedNetworkStaysAsItWas(t *testing.T) {
	root := t.TempDir()
	network := savedNetwork(t, root, "tiny", "10.0.0.0/30")
	take(t, root, network, "a")

	_, err := takeAddress(root, network, "b")

	require.ErrorContains(t, err, "10.0.0.0/30")
	require.NoFileExists(t, filepath.Join(root, "networks/tiny/b"))
}

// Twenty processes, each of which takes ten addresses.
func TestNoTwoProcessesGetTheSameAddress(t *testing.T) {
	testbed.Require(t, testbed.Root)
	root := testbed.StateRoot(t)
	savedNetwork(t, root, "busy", "10.0.0.0/24")
	tests, err := os.Executable()
	require.NoError(t, err)
	var group sync.WaitGroup
	outputs := make([]string, 20)
	for number := range outputs {
		group.Go(func() {
			command := exec.Command(tests, "-test.run=^$", "-test.bench=^BenchmarkTakeTen$", "-test.benchtime=1x")
			command.Env = append(os.Environ(), "TAKE_TEN="+root, fmt.Sprintf("TAKE_AS=%d", number))
			output, err := command.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, output)
			}
			outputs[number] = string(output)
		})
	}
	group.Wait()

	taken := map[string]bool{}
	for _, output := range outputs {
		for line := range strings.Lines(output) {
			if address, found := strings.CutPrefix(line, "took "); found {
				require.False(t, taken[address], address)
				taken[address] = true
			}
		}
	}
	require.Len(t, taken, 200)
}

// BenchmarkTakeTen is no benchmark but what one of the twenty processes does: a
// benchmark is not run with the tests.
func BenchmarkTakeTen(b *testing.B) {
	root := os.Getenv("TAKE_TEN")
	if root == "" {
		b.Skip("is run by a test")
	}
	for number := range 10 {
		network, unlock, err := openNetwork(root, "busy")
		require.NoError(b, err)
		address, err := takeAddress(root, network, fmt.Sprintf("%s-%d", os.Getenv("TAKE_AS"), number))
		unlock()
		require.NoError(b, err)
		require.True(b, address.Is4())
		fmt.Fprintf(os.Stdout, "took %s\n", address)
	}
}
