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

// An id is 64 digits, in every path: a person reads past them.
func TestIDsAreNamedOnce(t *testing.T) {
	var out strings.Builder
	log := explain.Printer(&out)
	id, layer := strings.Repeat("ab12", 16), strings.Repeat("0f", 32)

	log.Run(explain.Cgroups, "mkdir", "/cg/"+id)
	log.Write(explain.Cgroups, "1 2", "/cg/"+id+"/x")
	log.Run(explain.Layers, "mount", "-o", "lowerdir=/l/sha256/"+layer+",upperdir=/c/"+id+"/upper", "/c/"+id+"/m n")

	require.Equal(t, `# stage02-cgroups: how much of the machine it may use
ID=`+id+`
mkdir /cg/$ID
echo '1 2' > /cg/$ID/x

# stage03-aufs-pivotroot: a root file system of its own
LAYER=`+layer+`
mount -o lowerdir=/l/sha256/$LAYER,upperdir=/c/$ID/upper /c/$ID'/m n'
`, out.String())
	output, err := exec.Command("bash", "-c", strings.NewReplacer("mkdir", "echo", "mount", "echo", " > ", " ").Replace(out.String())).Output()
	require.NoError(t, err)
	require.Contains(t, string(output), "upperdir=/c/"+id+"/upper /c/"+id+"/m n\n")
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
