package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mytinydocker/internal/testbed"
)

// A made-up tree has a program and a museum for it. The program is guarded twice.
func madeUpMuseum(t *testing.T) string {
	t.Helper()
	testbed.Require(t, testbed.Root, testbed.GoTool)
	root := testbed.StateRoot(t)
	require.NoError(t, os.Chmod(root, 0o755))
	for name, content := range map[string]string{
		"go.mod":                     "module mytinydocker\n",
		"final/main.go":              "package main\n\nfunc main() {\n\tif first() && second() {\n\t\tprintln(\"stopped\")\n\t}\n}\n",
		"final/guards.go":            "package main\n\nfunc first() bool { return true }\n\nfunc second() bool { return true }\n",
		"final/museum/probe/main.go": "package main\n\nfunc main() {}\n",
		"internal/base/box/main.go":  "package main\n\nfunc main() {}\n",
		"final/museum/museum_test.go": `package museum

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func final(t *testing.T) string {
	output, _ := exec.Command(filepath.Join(os.Getenv("TESTBED_BINARIES"), "final")).CombinedOutput()
	return string(output)
}

func TestEscape(t *testing.T) {
	if final(t) != "stopped\n" {
		t.Fatal("out")
	}
}

func TestWeak(t *testing.T) { final(t) }

func TestOnePlace(t *testing.T) {
	t.Run("inside", func(t *testing.T) {
		if os.Getpid() != 1 {
			t.Fatal("this is the host")
		}
	})
}
`,
	} {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return root
}

func TestGuardsOfAMadeUpMuseum(t *testing.T) {
	root := madeUpMuseum(t)
	first, second := Edit{"final/guards.go", "first() bool { return true }", "first() bool { return false }"}, Edit{"final/guards.go", "second() bool { return true }", "second() bool { return false }"}
	var told []string

	_, err := tryGuards(root, []Guard{
		{Name: "the first", Exhibit: "TestEscape", Edits: []Edit{first}},
		{Name: "both", Exhibit: "TestEscape", Edits: []Edit{first, second}},
		{Name: "nobody looks", Exhibit: "TestWeak", Edits: []Edit{first}},
		{Name: "no processes of its own", Exhibit: "TestOnePlace", Edits: []Edit{first}},
	}, io.Discard, func(v Verdict) { told = append(told, v.String()) })

	require.NoError(t, err)
	require.Equal(t, []string{
		"the first: killed by TestEscape", "both: killed by TestEscape", "nobody looks: SURVIVED TestWeak", "no processes of its own: SURVIVED TestOnePlace",
	}, told)
}

// Nothing but the exhibit itself says that a guard is gone.
func TestDeadlineIsNoExhibit(t *testing.T) {
	root := madeUpMuseum(t)
	defer func(before time.Duration) { deadline = before }(deadline)
	deadline = 2 * time.Second

	verdicts, err := tryGuards(root, []Guard{{Name: "hangs", Exhibit: "TestWeak", Edits: []Edit{{"final/main.go", "func main() {", "func main() {\n\tfor {\n\t}"}}}}, io.Discard, func(Verdict) {})

	require.NoError(t, err)
	require.Empty(t, verdicts[0].Killer)
	require.ErrorContains(t, wantAll(verdicts), "hangs")
}
