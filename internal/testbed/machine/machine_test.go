package machine

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReportSaysHowToMendWhatIsMissing(t *testing.T) {
	var out bytes.Buffer

	err := Report(&out, []Check{
		{Name: "kernel", OK: true, Found: "Linux 6.1", Mend: "update"},
		{Name: "overlay", Found: "unknown", Mend: "modprobe overlay"},
		{Name: "AUFS", Found: "unknown", Mend: "use the VM", Optional: true},
	})

	require.EqualError(t, err, "missing: overlay")
	require.Equal(t, `ok  kernel                   Linux 6.1
NO  overlay                  unknown
                             -> modprobe overlay
-   AUFS                     unknown
                             -> use the VM
`, out.String())
}

func TestEveryCheckSaysWhatItFoundAndHowToMendIt(t *testing.T) {
	for _, check := range All() {
		require.NotEmpty(t, check.Name)
		require.NotEmpty(t, check.Found, check.Name)
		require.NotContains(t, check.Found+check.Mend, "\n", check.Name)
		if !check.OK {
			require.NotEmpty(t, check.Mend, check.Name)
		}
	}
}

func TestLookingChangesNothing(t *testing.T) {
	before, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)

	All()

	after, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
}
