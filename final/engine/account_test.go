package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// To the kernel, -1 is to stay who one is (setresuid(2)), and 4294967296 is root.
func TestAccountWhoseNumberIsNoNumberOfAUser(t *testing.T) {
	for _, passwd := range []string{
		"app:x:-1:5::/:/bin/sh\n", "app:x:5:-1::/:/bin/sh\n", "app:x:4294967296:5::/:/bin/sh\n",
		"app:x:5:4294967295::/:/bin/sh\n",
	} {
		_, err := accountOf("app", nil, accounts(passwd, ""))
		require.ErrorContains(t, err, `the user "app" in the container`, passwd)
	}
	_, err := accountOf("app", nil, accounts("app:x:5:5::/:/bin/sh\n", "more:x:-7:app\n"))
	require.ErrorContains(t, err, "-7")
	_, err = accountOf("0", []string{"more"}, accounts("", "more:x:4294967296:\n"))
	require.ErrorContains(t, err, `the groups ["more"] in the container`)
}

// accounts are the files of an image.
func accounts(passwd, group string) func(string) ([]byte, error) {
	return func(file string) ([]byte, error) {
		if file == "etc/passwd" {
			return []byte(passwd), nil
		}
		return []byte(group), nil
	}
}
