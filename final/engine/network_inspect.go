package engine

import (
	"fmt"

	"mytinydocker/final/network"
)

// InspectedNetworks is where a container is joined to networks now.
type InspectedNetworks struct {
	IPAddress, Gateway, MacAddress string // in its first network
	IPPrefixLen                    int
	Ports                          map[string][]InspectedPort
	Networks                       map[string]InspectedEndpoint
}

// InspectedPort is where a port of a container answers.
type InspectedPort struct {
	HostIP   string `json:"HostIp"`
	HostPort string
}

// InspectedEndpoint is a container's place in one network.
type InspectedEndpoint struct {
	NetworkID, EndpointID          string
	IPAddress, Gateway, MacAddress string
	IPPrefixLen                    int
	Aliases                        []string
}

// NetworkMode is the network of a container as --network has it.
func (r *Record) NetworkMode() string {
	switch {
	case r.Network.None:
		return network.None
	case r.Network.Host:
		return network.Host
	case r.Network.Shared != "":
		return "container:" + r.Network.Shared
	case len(r.Network.Endpoints) > 0:
		return r.Network.Endpoints[0].Network
	default:
		return network.None
	}
}

func (e *Engine) networksOf(record *Record) (InspectedNetworks, error) {
	found := InspectedNetworks{Ports: make(map[string][]InspectedPort), Networks: make(map[string]InspectedEndpoint)}
	for _, config := range record.Network.Endpoints {
		found.Networks[config.Network] = InspectedEndpoint{Aliases: config.Aliases}
	}
	endpoints, err := e.Endpoints(record.ID)
	if err != nil {
		return found, err
	}
	for index, endpoint := range endpoints {
		place := inspectedEndpoint(endpoint)
		if index == 0 {
			found.IPAddress, found.Gateway, found.MacAddress, found.IPPrefixLen = place.IPAddress, place.Gateway, place.MacAddress, place.IPPrefixLen
		}
		found.Networks[endpoint.Network] = place
		for _, binding := range endpoint.Ports {
			port := fmt.Sprintf("%d/%s", binding.Container, binding.Protocol)
			at := binding.HostAddress()
			found.Ports[port] = append(found.Ports[port], InspectedPort{at.Addr().String(), fmt.Sprint(at.Port())})
		}
	}
	return found, nil
}

func inspectedEndpoint(endpoint *network.Endpoint) InspectedEndpoint {
	place := InspectedEndpoint{
		NetworkID: endpoint.NetworkID, EndpointID: endpoint.Link, Aliases: endpoint.Aliases,
		IPAddress: endpoint.Address.Addr().String(), IPPrefixLen: endpoint.Address.Bits(), MacAddress: endpoint.HardwareAddr,
	}
	if endpoint.Gateway.IsValid() {
		place.Gateway = endpoint.Gateway.String()
	}
	return place
}
