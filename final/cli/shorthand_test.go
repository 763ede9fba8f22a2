package cli

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValuesOfShortFlagsAreSeparated(t *testing.T) {
	for typed, want := range map[string]string{
		"td run -it base -n5":                 "td run -it base -n5",
		"td run -m64m base":                   "td run -m 64m base",
		"td run -itm64m --name x base":        "td run -itm 64m --name x base",
		"td run -eA=1 -e B=2 base":            "td run -e A=1 -e B=2 base",
		"td run -e -x base -e":                "td run -e -x base -e",
		"td run --name -m1 base":              "td run --name -m1 base",
		"td run --name=y -u=0 base":           "td run --name=y -u=0 base",
		"td run -- base -m1":                  "td run -- base -m1",
		"td logs -tn1 web":                    "td logs -tn 1 web",
		"td logs web -n5 -f":                  "td logs web -n 5 -f",
		"td --root /x run -m1g base":          "td --root /x run -m 1g base",
		"td":                                  "td",
		"td run -m":                           "td run -m",
		"td stop -t":                          "td stop -t",
		"td kill -sHUP a b":                   "td kill -s HUP a b",
		"td run -uü base":                     "td run -u ü base",
		"td nosuch -x5":                       "td nosuch -x5",
		"td run --sig-proxy=false -h h1 base": "td run --sig-proxy=false -h h1 base",
	} {
		root := (&app{}).command()

		got := separateValues(root, strings.Fields(typed))

		require.Equal(t, want, strings.Join(got, " "), typed)
	}
}
