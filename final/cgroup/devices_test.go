package cgroup

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
)

func number(value int64) *int64 { return &value }

func allow(kind string, major, minor int64, access string) specs.LinuxDeviceCgroup {
	rule := specs.LinuxDeviceCgroup{Allow: true, Type: kind, Access: access}
	if major >= 0 {
		rule.Major = number(major)
	}
	if minor >= 0 {
		rule.Minor = number(minor)
	}
	return rule
}

func deny(kind string, major, minor int64, access string) specs.LinuxDeviceCgroup {
	rule := allow(kind, major, minor, access)
	rule.Allow = false
	return rule
}

var denyAll = specs.LinuxDeviceCgroup{Access: "rwm"}

func TestDefaultDevicesAreDockers(t *testing.T) {
	list, err := newDeviceList(DefaultDevices())

	require.NoError(t, err)
	require.False(t, list.allow)
	var texts []string
	for _, exception := range list.exceptions {
		texts = append(texts, exception.String())
	}
	require.Equal(t, []string{
		"c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm",
		"c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm",
	}, texts)
}

func TestLaterRulesChangeEarlierOnes(t *testing.T) {
	for name, test := range map[string]struct {
		rules []specs.LinuxDeviceCgroup
		allow bool
		want  []string
	}{
		"all":                     {[]specs.LinuxDeviceCgroup{denyAll, allow("a", -1, -1, "rwm")}, true, nil},
		"none":                    {[]specs.LinuxDeviceCgroup{allow("a", -1, -1, ""), denyAll}, false, nil},
		"accesses add up":         {[]specs.LinuxDeviceCgroup{denyAll, allow("c", 1, 3, "r"), allow("c", 1, 3, "w")}, false, []string{"c 1:3 rw"}},
		"what was allowed":        {[]specs.LinuxDeviceCgroup{denyAll, allow("c", 1, 3, "rwm"), deny("c", 1, 3, "w")}, false, []string{"c 1:3 rm"}},
		"all that was allowed":    {[]specs.LinuxDeviceCgroup{denyAll, allow("c", 1, 3, "rwm"), deny("c", 1, 3, "rwm")}, false, nil},
		"what was never allowed":  {[]specs.LinuxDeviceCgroup{denyAll, deny("c", 10, 229, "rwm")}, false, nil},
		"all but one":             {[]specs.LinuxDeviceCgroup{allow("a", -1, -1, "rwm"), deny("b", 8, -1, "w")}, true, []string{"b 8:* w"}},
		"one of a kind, all else": {[]specs.LinuxDeviceCgroup{denyAll, allow("c", -1, -1, "m"), deny("b", 1, 3, "m")}, false, []string{"c *:* m"}},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := newDeviceList(test.rules)

			require.NoError(t, err)
			require.Equal(t, test.allow, list.allow)
			var texts []string
			for _, exception := range list.exceptions {
				texts = append(texts, exception.String())
			}
			require.Equal(t, test.want, texts)
		})
	}
}

// Version 1 ignores such a rule, without a word.
func TestExceptionFromAnExceptionIsRefused(t *testing.T) {
	for name, rules := range map[string][]specs.LinuxDeviceCgroup{
		"one of a wildcard": {denyAll, allow("c", -1, -1, "rwm"), deny("c", 10, 229, "rwm")},
		"one major of all":  {denyAll, allow("c", -1, 3, "r"), deny("c", 10, -1, "r")},
		"wildcard over one": {denyAll, allow("c", 1, 3, "rwm"), deny("c", 1, -1, "w")},
		"allowed of denied": {allow("a", -1, -1, "rwm"), deny("c", 1, -1, "w"), allow("c", 1, 3, "w")},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newDeviceList(rules)

			require.ErrorContains(t, err, "device")
		})
	}
}

func TestRuleThatIsNoneIsRefused(t *testing.T) {
	for name, rule := range map[string]specs.LinuxDeviceCgroup{
		"kind":             allow("x", 1, 3, "rwm"),
		"access":           allow("c", 1, 3, "rx"),
		"no access":        allow("c", 1, 3, ""),
		"negative":         {Allow: true, Type: "c", Major: number(-2), Access: "r"},
		"too great":        {Allow: true, Type: "c", Major: number(1 << 32), Access: "r"},
		"a part of all":    allow("a", 1, 3, "rwm"),
		"all, but read it": {Allow: true, Type: "a", Access: "r"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newDeviceList([]specs.LinuxDeviceCgroup{rule})

			require.Error(t, err)
		})
	}
}

// A wildcard may also be spelled -1, as the specification of Kubernetes' runtimes
// does.
func TestMinusOneIsAWildcard(t *testing.T) {
	list, err := newDeviceList([]specs.LinuxDeviceCgroup{denyAll, {Allow: true, Type: "c", Major: number(136), Minor: number(-1), Access: "rw"}})

	require.NoError(t, err)
	require.Equal(t, "c 136:* rw", list.exceptions[0].String())
}
