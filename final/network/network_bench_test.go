package network

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// One round is what a container adds to the time of a run: to join and to leave the
// default network, without and with a published port.
func BenchmarkAttach(b *testing.B) {
	for _, backend := range []string{nftablesBackend, iptablesBackend} {
		for name, mappings := range map[string][]PortMapping{"without ports": nil, "with a port": {{Container: 80, Protocol: "tcp"}}} {
			b.Run(backend+"/"+name, func(b *testing.B) {
				w := newWorld(b, backend)
				g := w.newGuest("one")
				w.attach(g, nil, EndpointConfig{Network: Default})
				for b.Loop() {
					require.NoError(b, w.Detach(g.ID, true))
					ports, err := w.Reserve(mappings)
					require.NoError(b, err)
					_, err = w.Attach(g.Sandbox, []EndpointConfig{{Network: Default}}, ports)
					require.NoError(b, err)
					ports.Close()
				}
			})
		}
	}
}
