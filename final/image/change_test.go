package image

import (
	"testing"

	"github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func TestChange(t *testing.T) {
	old := v1.ImageConfig{Env: []string{"A=old", "AB=kept"}, WorkingDir: "/srv", Labels: map[string]string{"l": "1"}}
	none := struct{}{}
	for change, want := range map[string]v1.ImageConfig{
		`CMD ["a", "b c"]`:              {Cmd: []string{"a", "b c"}},
		`cmd echo "$HOME"`:              {Cmd: []string{"/bin/sh", "-c", `echo "$HOME"`}},
		`CMD []`:                        {Cmd: []string{}},
		`ENTRYPOINT ["x"]`:              {Entrypoint: []string{"x"}},
		`ENV A=new`:                     {Env: []string{"AB=kept", "A=new"}},
		`ENV A new value `:              {Env: []string{"AB=kept", "A=new value"}},
		`ENV B="x y" C='z "' D=a\ b E=`: {Env: []string{"A=old", "AB=kept", "B=x y", `C=z "`, "D=a b", "E="}},
		`EXPOSE 80 53/udp`:              {ExposedPorts: map[string]struct{}{"80/tcp": none, "53/udp": none}},
		`EXPOSE 8000-8002`:              {ExposedPorts: map[string]struct{}{"8000/tcp": none, "8001/tcp": none, "8002/tcp": none}},
		`LABEL m="two words"`:           {Labels: map[string]string{"l": "1", "m": "two words"}},
		`USER 1000:1000`:                {User: "1000:1000"},
		`VOLUME /a /b/`:                 {Volumes: map[string]struct{}{"/a": none, "/b": none}},
		`VOLUME ["/a b"]`:               {Volumes: map[string]struct{}{"/a b": none}},
		`WORKDIR /x`:                    {WorkingDir: "/x"},
		`WORKDIR y/../z`:                {WorkingDir: "/srv/z"},
		`STOPSIGNAL SIGINT`:             {StopSignal: "SIGINT"},
	} {
		config, err := Change(old, []string{change})
		require.NoError(t, err, change)
		if want.Env == nil {
			want.Env = old.Env
		}
		if want.WorkingDir == "" {
			want.WorkingDir = old.WorkingDir
		}
		if want.Labels == nil {
			want.Labels = old.Labels
		}
		require.Equal(t, want, config, change)
		require.Equal(t, []string{"A=old", "AB=kept"}, old.Env)
		require.Equal(t, map[string]string{"l": "1"}, old.Labels)
	}
}

func TestChangeRefuses(t *testing.T) {
	for _, change := range []string{
		"", "CMD", "RUN x", "ENV", "ENV A", "ENV A=b C", "ENV =x", `ENV A="b`, `ENV A=b\`, "EXPOSE x", "EXPOSE 0", "EXPOSE 70000",
		"EXPOSE 80/icmp", "EXPOSE 9-8", `CMD ["a"`, `ENTRYPOINT [1]`, "USER a b", "VOLUME a", "VOLUME /", `VOLUME ["a"]`, "LABEL x",
		"CMD a\nRUN b", "HEALTHCHECK NONE", "USER a\x00b",
	} {
		_, err := Change(v1.ImageConfig{}, []string{change})
		require.ErrorContains(t, err, "change ", "%q", change)
	}
}

func FuzzChange(f *testing.F) {
	for _, seed := range []string{`CMD ["a"]`, `ENV A="b c" D=e`, "EXPOSE 80-90/udp", "VOLUME /a", `LABEL a\ b=c`, "WORKDIR ../.."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, change string) {
		config, err := Change(v1.ImageConfig{}, []string{change})
		if err == nil && config.WorkingDir != "" {
			require.Equal(t, byte('/'), config.WorkingDir[0])
			require.NotContains(t, config.WorkingDir+"/", "/../")
		}
	})
}

func FuzzParseDocument(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"config":{"digest":"`+string(someDigest)+`"},"layers":[]}`), v1.MediaTypeImageManifest)
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"digest":"sha256:../x"}]}`), "")
	f.Fuzz(func(t *testing.T, content []byte, mediaType string) {
		parsed, err := parseDocument(content, mediaType)
		if err != nil {
			return
		}
		for _, blob := range append(parsed.Layers, parsed.Manifests...) {
			require.NoError(t, blob.Digest.Validate())
		}
		require.True(t, parsed.isIndex() || parsed.Config != nil)
	})
}
