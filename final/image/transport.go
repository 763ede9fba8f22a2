package image

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// patience is how long a registry may be silent in the middle of something.
const patience = time.Minute

// newTransport returns how registries are reached.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   30 * time.Second,
		ResponseHeaderTimeout: patience,
	}
}

// guarded is the transport of all that goes to and comes from registries, those
// that they redirect to and their token servers. What is not encrypted stays on
// this machine, and what never ends, or never goes on, is cut.
type guarded struct {
	inner http.RoundTripper
}

// RoundTrip sends a request.
func (g guarded) RoundTrip(request *http.Request) (*http.Response, error) {
	local := request.URL.Scheme == "http" && isLoopback(request.URL.Hostname())
	if request.URL.Scheme != "https" && !local {
		return nil, fmt.Errorf("%s is not encrypted: only registries on this machine may do without https", request.URL.Host)
	}
	response, err := g.inner.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body = newPatient(response.Body)
	if isDocument(request) {
		response.Body = &bounded{response.Body, maxDocument}
	}
	return response, nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.Unmap().IsLoopback()
}

// isDocument reports whether the answer is held in memory.
func isDocument(request *http.Request) bool {
	return request.Method == http.MethodGet && !strings.Contains(request.URL.Path, "/blobs/")
}

// bounded fails where a body is longer than it may be.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(buffer []byte) (int, error) {
	count, err := b.ReadCloser.Read(buffer)
	if b.left -= int64(count); b.left < 0 {
		return 0, fmt.Errorf("the registry's answer has more than %d bytes", maxDocument)
	}
	return count, err
}

// errSilent is returned for a body of which nothing has come for a long time.
var errSilent = errors.New("the registry has been silent for a minute")

// patient closes a body that does not go on.
type patient struct {
	io.ReadCloser
	timer *time.Timer
}

func newPatient(body io.ReadCloser) *patient {
	return &patient{body, time.AfterFunc(patience, func() { body.Close() })}
}

func (p *patient) Read(buffer []byte) (int, error) {
	running := p.timer.Reset(patience)
	count, err := p.ReadCloser.Read(buffer)
	if err != nil && !errors.Is(err, io.EOF) && !running {
		err = errSilent
	}
	return count, err
}

func (p *patient) Close() error {
	p.timer.Stop()
	return p.ReadCloser.Close()
}
