package image

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

// keychain has a password for one registry.
type keychain string

func (k keychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	if target.RegistryStr() != string(k) {
		return authn.Anonymous, nil
	}
	return &authn.Basic{Username: "me", Password: "secret"}, nil
}

// listener remembers what it was told.
type listener struct {
	sync.Mutex
	headers []string
	host    string
	answer  func(http.ResponseWriter, *http.Request)
}

func newListener(t *testing.T, answer func(http.ResponseWriter, *http.Request)) *listener {
	t.Helper()
	heard := &listener{answer: answer}
	server := httptest.NewServer(heard)
	t.Cleanup(server.Close)
	heard.host = strings.TrimPrefix(server.URL, "http://")
	return heard
}

func (l *listener) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	l.Lock()
	l.headers = append(l.headers, request.Header.Get("Authorization"))
	l.Unlock()
	l.answer(writer, request)
}

// A registry may keep its blobs elsewhere; our password is not for there.
func TestPasswordsAreForOneHost(t *testing.T) {
	server, store := newServer(t), newStore(t)
	layer := tarOf(t, map[string]string{"a": "1"})
	server.putImage("1", [][]byte{layer}, nil)
	elsewhere := newListener(t, server.files.ServeHTTP)
	server.intercept(func(writer http.ResponseWriter, request *http.Request) bool {
		user, password, _ := request.BasicAuth()
		if user != "me" || password != "secret" {
			writer.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			writer.WriteHeader(http.StatusUnauthorized)
			return true
		}
		if strings.Contains(request.URL.Path, "/blobs/") {
			http.Redirect(writer, request, "http://"+elsewhere.host+request.URL.Path, http.StatusTemporaryRedirect)
			return true
		}
		return false
	})
	_, err := pull(store, server.name()+":1")
	require.ErrorContains(t, err, "needs a login")

	store.Registries.Keychain = keychain(server.host)
	_, err = pull(store, server.name()+":1")

	require.NoError(t, err)
	require.NotEmpty(t, elsewhere.headers)
	for _, header := range elsewhere.headers {
		require.Empty(t, header)
	}
}

func TestTokensAreForOneHost(t *testing.T) {
	server, store := newServer(t), newStore(t)
	server.putImage("1", [][]byte{tarOf(t, map[string]string{"a": "1"})}, nil)
	elsewhere := newListener(t, server.files.ServeHTTP)
	server.intercept(func(writer http.ResponseWriter, request *http.Request) bool {
		if request.URL.Path == "/token" {
			fmt.Fprint(writer, `{"token":"t0ken"}`)
			return true
		}
		if request.Header.Get("Authorization") != "Bearer t0ken" {
			writer.Header().Set("WWW-Authenticate", `Bearer realm="http://`+server.host+`/token",service="x"`)
			writer.WriteHeader(http.StatusUnauthorized)
			return true
		}
		if strings.Contains(request.URL.Path, "/blobs/") {
			http.Redirect(writer, request, "http://"+elsewhere.host+request.URL.Path, http.StatusTemporaryRedirect)
			return true
		}
		return false
	})

	_, err := pull(store, server.name()+":1")

	require.NoError(t, err)
	require.NotEmpty(t, elsewhere.headers)
	for _, header := range elsewhere.headers {
		require.Empty(t, header)
	}
}

// Only this machine may do without encryption, wherever the way leads.
func TestNothingLeavesUnencrypted(t *testing.T) {
	server, store := newServer(t), newStore(t)
	server.putImage("1", [][]byte{tarOf(t, map[string]string{"a": "1"})}, nil)
	store.Registries.Keychain = keychain(server.host)
	for name, before := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"a redirect": func(writer http.ResponseWriter, request *http.Request) bool {
			if !strings.Contains(request.URL.Path, "/blobs/") {
				return false
			}
			http.Redirect(writer, request, "http://192.0.2.1/x", http.StatusFound)
			return true
		},
		"a token server": func(writer http.ResponseWriter, _ *http.Request) bool {
			writer.Header().Set("WWW-Authenticate", `Bearer realm="http://192.0.2.1/token"`)
			writer.WriteHeader(http.StatusUnauthorized)
			return true
		},
		"a file": func(writer http.ResponseWriter, request *http.Request) bool {
			if !strings.Contains(request.URL.Path, "/blobs/") {
				return false
			}
			http.Redirect(writer, request, "file:///etc/passwd", http.StatusFound)
			return true
		},
	} {
		server.intercept(before)
		_, err := pull(store, server.name()+":1")
		require.Error(t, err, name)
		t.Log(err)
	}
	for _, host := range []string{"192.0.2.1:5000", "10.0.0.1", "registry.local:80"} {
		client := http.Client{Transport: guarded{http.DefaultTransport}}
		response, err := client.Get("http://" + host + "/v2/")
		if err == nil {
			response.Body.Close()
		}
		require.ErrorContains(t, err, "not encrypted", host)
	}
}

// An image may say that its layers are to be had elsewhere. They are not.
func TestForeignLayersAreNotLookedFor(t *testing.T) {
	server, store := newServer(t), newStore(t)
	layer := tarOf(t, map[string]string{"a": "1"})
	elsewhere := newListener(t, func(writer http.ResponseWriter, _ *http.Request) { _, _ = writer.Write(layer) })
	server.putImage("1", [][]byte{layer}, func(manifest *v1.Manifest, _ *v1.Image) {
		manifest.Layers[0].URLs = []string{"http://" + elsewhere.host + "/layer", "file:///etc/passwd"}
	})
	server.intercept(func(writer http.ResponseWriter, request *http.Request) bool {
		missing := strings.HasSuffix(request.URL.Path, someDigest.String())
		return missing
	})

	_, err := pull(store, server.name()+":1")

	require.NoError(t, err)
	require.Empty(t, elsewhere.headers)
}
