package explain_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mytinydocker/final/explain"
)

func TestStepsArePrintedUnderTheirLessons(t *testing.T) {
	var out strings.Builder
	log := explain.Printer(&out)

	log.Run(explain.Layers, "mount", "-t", "overlay", "-o", "lowerdir=/a:/b", "overlay", "/c d")
	log.Run(explain.Layers, "pivot_root", ".", ".")
	log.Write(explain.Cgroups, "1234", "/sys/fs/cgroup/pids/x/cgroup.procs")

	require.Equal(t, `# stage03-aufs-pivotroot: a root file system of its own
mount -t overlay -o lowerdir=/a:/b overlay '/c d'
pivot_root . .

# stage02-cgroups: how much of the machine it may use
echo 1234 > /sys/fs/cgroup/pids/x/cgroup.procs
`, out.String())
}

func TestNobodyHasToListen(t *testing.T) {
	var log explain.Log

	require.NotPanics(t, func() { log.Run(explain.Namespaces, "unshare"); log.Write(explain.Cgroups, "1", "/x") })
}

// What is printed is for a terminal and a shell: neither may take a word for
// anything but itself.
func TestWordsStayWords(t *testing.T) {
	words := []string{"a b", "", "$(id)", "`id`", "it's", `"`, `\`, "*", "line\nbreak", "~", "#", "a;b", "\x1b[31m", "ä", "\xff"}
	step := explain.Step{Command: append([]string{"printf", `[%s]`}, words...)}

	output, err := exec.Command("bash", "-c", step.String()).CombinedOutput()

	require.NoError(t, err)
	require.Equal(t, "["+strings.Join(words, "][")+"]", string(output))
	require.NotContains(t, step.String(), "\x1b")
	require.NotContains(t, step.String(), "\n")
}
