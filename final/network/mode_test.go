package network

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestModesAreParsed(t *testing.T) {
	for text, want := range map[string]Mode{
		"":             {Endpoint: EndpointConfig{Network: "bridge"}},
		"default":      {Endpoint: EndpointConfig{Network: "bridge"}},
		"none":         {None: true},
		"host":         {Host: true},
		"container:db": {Shared: "db"},
		"blue":         {Endpoint: EndpointConfig{Network: "blue"}},
		"name=blue,alias=a,alias=b,ip=10.1.0.7,mac-address=02-42-0A-01-00-07": {Endpoint: EndpointConfig{
			Network: "blue", Aliases: []string{"a", "b"}, IP: address("10.1.0.7"), HardwareAddr: "02:42:0a:01:00:07",
		}},
	} {
		mode, err := ParseMode(text)

		require.NoError(t, err, text)
		require.Equal(t, want, mode, text)
	}
	for text, want := range map[string]string{
		"container:": "container:NAME", "container:a/b": "container:NAME", "-j": "name of a network", "a b": "name of a network",
		"alias=x": "name of a network", "name=blue,ip=fd00::1": "no IPv4 address", "name=blue,alias=": "alias",
		"name=blue,mac-address=1": "six bytes", "name=blue,color=red": "unknown field",
	} {
		_, err := ParseMode(text)

		require.ErrorContains(t, err, want, text)
	}
}
