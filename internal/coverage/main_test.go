package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBlockIsExecutedIfOneTestHasExecutedIt(t *testing.T) {
	profile := "mode: set\nm/a/x.go:1.2,3.4 9 1\nm/a/x.go:5.1,6.2 1 0\nm/a/x.go:1.2,3.4 9 0\nm/b/y.go:1.1,2.2 4 0\nm/b/y.go:1.1,2.2 4 1\n"
	var out strings.Builder

	enough, err := report(strings.NewReader(profile), &out)

	require.NoError(t, err)
	require.True(t, enough)
	require.Equal(t, " 90.0%  m/a\n100.0%  m/b\n 92.9%  all\n", out.String())
}

func TestPackageWithTooLittleIsNotHiddenByOthers(t *testing.T) {
	enough, err := report(strings.NewReader("mode: set\nm/a/x.go:1.2,3.4 100 1\nm/b/y.go:1.1,2.2 1 0\n"), new(strings.Builder))

	require.NoError(t, err)
	require.False(t, enough)
	_, err = report(strings.NewReader("m/a/x.go:1.2,3.4 many 1\n"), new(strings.Builder))
	require.Error(t, err)
}
