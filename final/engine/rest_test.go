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

func TestPartsThatTheLinkerHasFilledInAreNotForgotten(t *testing.T) {
	smaps := `00401000-00ad0000 r-xp 00001000 fe:00 1    /usr/bin/tinydocker
Size:               6972 kB
Rss:                4156 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00ad0000-013d9000 r--p 006d0000 fe:00 1    /usr/bin/tinydocker
Rss:                2496 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
013d9000-013dd000 r--p 00fd9000 fe:00 1    /usr/bin/tinydocker
Rss:                  16 kB
Anonymous:            12 kB
VmFlags: rd mr mw me ac
013dd000-01447000 rw-p 00fdd000 fe:00 1    /usr/bin/tinydocker
Anonymous:             0 kB
7ffc-7ffd r--p 00000000 00:00 0                          [vvar]
Anonymous:             0 kB
`

	require.Equal(t, []part{{0x401000, 0xad0000}, {0xad0000, 0x13d9000}}, untouchedParts(smaps, "/usr/bin/tinydocker"))
}
