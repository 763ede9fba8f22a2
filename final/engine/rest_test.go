package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPartsOfTheProgramThatCannotHaveChanged(t *testing.T) {
	for line, want := range map[string]bool{
		"00401000-00ad0000 r-xp 00001000 fe:00 10405839    /usr/bin/tinydocker\n":   true,
		"00ad0000-013dc000 r--p 006d0000 fe:00 10405839    /usr/bin/tinydocker\n":   true,
		"013e0000-01446000 rw-p 00fe0000 fe:00 10405839    /usr/bin/tinydocker\n":   false,
		"7f22-7f23 r--p 00000000 fe:00 1                   /usr/lib/libc.so\n":      false,
		"54a19c00000-54a1a400000 rw-p 00000000 00:00 0 \n":                          false,
		"7ffdab608000-7ffdab629000 r--p 00000000 00:00 0                  [vvar]\n": false,
		"": false,
	} {
		found, ok := readOnlyPart(line, "/usr/bin/tinydocker")

		require.Equal(t, want, ok, line)
		require.True(t, !ok || found.start < found.end)
	}
}

func TestProgramGoesOnWhenItsPagesAreForgotten(t *testing.T) {
	require.NoError(t, forgetProgram())
	require.NoError(t, forgetProgram())
}
