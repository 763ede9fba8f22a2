package cgroup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
)

// fakeFolder is a folder with the files that a cgroup would have.
func fakeFolder(t testing.TB, files map[string]string) folder {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(content), 0o600))
	}
	return folder(root)
}

func memoryOf(limit, swap, reservation int64) *specs.LinuxResources {
	memory := &specs.LinuxMemory{}
	for value, field := range map[*int64]**int64{&limit: &memory.Limit, &swap: &memory.Swap, &reservation: &memory.Reservation} {
		if *value != 0 {
			*field = value
		}
	}
	return &specs.LinuxResources{Memory: memory}
}

func cpuOf(quota int64, period, shares uint64, cpus, mems string) *specs.LinuxResources {
	cpu := &specs.LinuxCPU{Cpus: cpus, Mems: mems}
	if quota != 0 {
		cpu.Quota = &quota
	}
	if period != 0 {
		cpu.Period = &period
	}
	if shares != 0 {
		cpu.Shares = &shares
	}
	return &specs.LinuxResources{CPU: cpu}
}

func pidsOf(limit int64) *specs.LinuxResources {
	return &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}}
}

func weightOf(weight uint16) *specs.LinuxResources {
	return &specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{Weight: &weight}}
}

const (
	huge = "9223372036854771712\n"
	m64  = 64 << 20
)

// What the kernel is written, and in what order: the sum of memory and swap is never
// to be less than memory alone, not even between two steps.
func TestSettings(t *testing.T) {
	v1Memory := map[string]string{"memory.limit_in_bytes": huge, "memory.memsw.limit_in_bytes": huge, "memory.soft_limit_in_bytes": huge}
	v1Small := map[string]string{"memory.limit_in_bytes": "1048576\n", "memory.memsw.limit_in_bytes": "2097152\n"}
	v2Memory := map[string]string{
		"memory.max": "max\n", "memory.swap.max": "max\n", "memory.low": "0\n", "memory.oom.group": "0\n", "memory.current": "8192\n",
	}
	v2CPU := map[string]string{"cpu.max": "50000 200000\n", "cpu.weight": "100\n"}
	for name, test := range map[string]struct {
		controller controller
		version    int
		files      map[string]string
		resources  *specs.LinuxResources
		want       []setting
	}{
		"v1 memory": {memory{}, 1, v1Memory, memoryOf(m64, 0, 0), []setting{{"memory.limit_in_bytes", "67108864"}}},
		"v1 memory and swap, less than before": {memory{}, 1, v1Memory, memoryOf(m64, 2*m64, 0), []setting{
			{"memory.limit_in_bytes", "67108864"}, {"memory.memsw.limit_in_bytes", "134217728"},
		}},
		"v1 memory and swap, more than before": {memory{}, 1, v1Small, memoryOf(m64, 2*m64, 0), []setting{
			{"memory.memsw.limit_in_bytes", "134217728"}, {"memory.limit_in_bytes", "67108864"},
		}},
		"v1 swap without a limit": {memory{}, 1, v1Small, memoryOf(m64, -1, 0), []setting{
			{"memory.memsw.limit_in_bytes", "-1"}, {"memory.limit_in_bytes", "67108864"},
		}},
		"v1 no limit at all": {memory{}, 1, v1Small, memoryOf(-1, 0, 0), []setting{
			{"memory.memsw.limit_in_bytes", "-1"}, {"memory.limit_in_bytes", "-1"},
		}},
		"v1 no limit, no swap to count": {memory{}, 1, map[string]string{"memory.limit_in_bytes": "4096\n"}, memoryOf(-1, -1, 0),
			[]setting{{"memory.limit_in_bytes", "-1"}}},
		"v1 reservation": {memory{}, 1, v1Memory, memoryOf(0, 0, m64), []setting{{"memory.soft_limit_in_bytes", "67108864"}}},
		"v2 memory": {memory{}, 2, v2Memory, memoryOf(m64, 0, 0), []setting{
			{"memory.max", "67108864"}, {"memory.oom.group", "1"},
		}},
		"v2 memory and swap": {memory{}, 2, v2Memory, memoryOf(m64, 3*m64, 0), []setting{
			{"memory.max", "67108864"}, {"memory.swap.max", "134217728"}, {"memory.oom.group", "1"},
		}},
		"v2 no swap": {memory{}, 2, v2Memory, memoryOf(m64, m64, 0), []setting{
			{"memory.max", "67108864"}, {"memory.swap.max", "0"}, {"memory.oom.group", "1"},
		}},
		"v2 more swap under the limit there is": {memory{}, 2, map[string]string{"memory.max": "4096\n", "memory.swap.max": "0\n"},
			memoryOf(0, 8192, 0), []setting{{"memory.swap.max", "4096"}}},
		"v2 no limit at all": {memory{}, 2, v2Memory, memoryOf(-1, -1, -1), []setting{
			{"memory.max", "max"}, {"memory.swap.max", "max"}, {"memory.oom.group", "0"}, {"memory.low", "0"},
		}},
		"v2 reservation": {memory{}, 2, v2Memory, memoryOf(0, 0, m64), []setting{{"memory.low", "67108864"}}},
		"v1 cpu": {cpu{}, 1, nil, cpuOf(50000, 100000, 512, "", ""), []setting{
			{"cpu.cfs_quota_us", "-1"}, {"cpu.cfs_period_us", "100000"}, {"cpu.cfs_quota_us", "50000"}, {"cpu.shares", "512"},
		}},
		"v1 quota":        {cpu{}, 1, nil, cpuOf(50000, 0, 0, "", ""), []setting{{"cpu.cfs_quota_us", "50000"}}},
		"v1 no quota":     {cpu{}, 1, nil, cpuOf(-1, 0, 0, "", ""), []setting{{"cpu.cfs_quota_us", "-1"}}},
		"v2 cpu":          {cpu{}, 2, v2CPU, cpuOf(50000, 100000, 1024, "", ""), []setting{{"cpu.max", "50000 100000"}, {"cpu.weight", "100"}}},
		"v2 quota":        {cpu{}, 2, v2CPU, cpuOf(70000, 0, 0, "", ""), []setting{{"cpu.max", "70000 200000"}}},
		"v2 period":       {cpu{}, 2, v2CPU, cpuOf(0, 70000, 0, "", ""), []setting{{"cpu.max", "50000 70000"}}},
		"v2 no quota":     {cpu{}, 2, v2CPU, cpuOf(-1, 0, 0, "", ""), []setting{{"cpu.max", "max 200000"}}},
		"pids":            {pids{}, 1, nil, pidsOf(20), []setting{{"pids.max", "20"}}},
		"pids, no limit":  {pids{}, 2, nil, pidsOf(-1), []setting{{"pids.max", "max"}}},
		"v1 weight":       {blockIO{}, 1, map[string]string{"blkio.bfq.weight": "100\n"}, weightOf(300), []setting{{"blkio.bfq.weight", "300"}}},
		"v1 older weight": {blockIO{}, 1, map[string]string{"blkio.weight": "100\n"}, weightOf(300), []setting{{"blkio.weight", "300"}}},
		"v2 bfq weight":   {blockIO{}, 2, map[string]string{"io.bfq.weight": "default 100\n"}, weightOf(300), []setting{{"io.bfq.weight", "300"}}},
		"v2 weight":       {blockIO{}, 2, map[string]string{"io.weight": "default 100\n"}, weightOf(1000), []setting{{"io.weight", "10000"}}},
		"v1 cpuset": {cpuset{}, 1, map[string]string{"../cpuset.effective_cpus": "0-3\n", "../cpuset.effective_mems": "0\n"},
			cpuOf(0, 0, 0, "1-2", "0"), []setting{{"cpuset.cpus", "1-2"}, {"cpuset.mems", "0"}}},
		"v2 cpuset": {cpuset{}, 2, map[string]string{"../cpuset.cpus.effective": "0-3\n"},
			cpuOf(0, 0, 0, "3", ""), []setting{{"cpuset.cpus", "3"}}},
	} {
		t.Run(name, func(t *testing.T) {
			root := fakeFolder(t, nil)
			inner := filepath.Join(string(root), "inner")
			require.NoError(t, os.Mkdir(inner, 0o755))
			for file, content := range test.files {
				require.NoError(t, os.WriteFile(filepath.Join(inner, file), []byte(content), 0o600))
			}
			require.True(t, test.controller.asked(test.resources))

			settings, err := test.controller.settings(test.version, folder(inner), test.resources)

			require.NoError(t, err)
			require.Equal(t, test.want, settings)
		})
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	for name, test := range map[string]struct {
		controller controller
		version    int
		files      map[string]string
		resources  *specs.LinuxResources
		reason     string
	}{
		"v2 swap without a limit of memory": {memory{}, 2, map[string]string{"memory.max": "max\n", "memory.swap.max": "max\n"},
			memoryOf(0, m64, 0), "needs a limit of memory"},
		"v1 swap without a limit of memory": {memory{}, 1, map[string]string{"memory.limit_in_bytes": huge, "memory.memsw.limit_in_bytes": huge},
			memoryOf(0, m64, 0), "needs a limit of memory"},
		"v1 more memory than with swap": {memory{}, 1,
			map[string]string{"memory.limit_in_bytes": "4096\n", "memory.memsw.limit_in_bytes": "8192\n"}, memoryOf(m64, 0, 0), "raise that as well"},
		"no weight of block I/O": {blockIO{}, 2, nil, weightOf(300), "weight"},
		"cpus that are not ours": {cpuset{}, 2, map[string]string{"../cpuset.cpus.effective": "0-3\n"}, cpuOf(0, 0, 0, "3-4", ""), "0-3"},
		"no list of cpus":        {cpuset{}, 1, map[string]string{"../cpuset.effective_cpus": "0-3\n"}, cpuOf(0, 0, 0, "x", ""), "0-2,4"},
		"half a file":            {cpu{}, 2, map[string]string{"cpu.max": "max\n"}, cpuOf(1000, 0, 0, "", ""), "cpu.max"},
	} {
		t.Run(name, func(t *testing.T) {
			root := fakeFolder(t, nil)
			inner := filepath.Join(string(root), "inner")
			require.NoError(t, os.Mkdir(inner, 0o755))
			for file, content := range test.files {
				require.NoError(t, os.WriteFile(filepath.Join(inner, file), []byte(content), 0o600))
			}

			_, err := test.controller.settings(test.version, folder(inner), test.resources)

			require.ErrorContains(t, err, test.reason)
		})
	}
}

// On an update a limit that is below what is used would have the kernel kill.
func TestLimitBelowWhatIsUsedIsRefusedIfAskedTo(t *testing.T) {
	group := fakeFolder(t, map[string]string{"memory.max": "max\n", "memory.swap.max": "max\n", "memory.current": "134217728\n"})
	resources, yes := memoryOf(m64, 0, 0), true

	_, err := memory{}.settings(2, group, resources)
	require.NoError(t, err)
	resources.Memory.CheckBeforeUpdate = &yes
	_, err = memory{}.settings(2, group, resources)
	require.ErrorContains(t, err, "134217728")
}

// Shares are a number around 1024, weights one around 100: the ends and the defaults
// must meet, and more shares are never less weight.
func TestWeightOfShares(t *testing.T) {
	for shares, want := range map[uint64]uint64{2: 1, 100: 17, 512: 59, 1024: 100, 22000: 1204, 262144: 10000} {
		require.Equal(t, want, weightOfShares(shares), "%d shares", shares)
	}
	for shares, last := uint64(2), uint64(0); shares <= 262144; shares++ {
		weight := weightOfShares(shares)
		if weight < last {
			require.FailNow(t, "more shares are less weight", "%d shares", shares)
		}
		last = weight
	}
}

func TestResourcesThatAreRefused(t *testing.T) {
	yes, one, short := true, uint64(1), uint16(9)
	for name, test := range map[string]struct {
		resources *specs.LinuxResources
		reason    string
	}{
		"less with swap than without": {memoryOf(m64, m64-1, 0), "less than"},
		"negative memory":             {memoryOf(-2, 0, 0), "memory"},
		"negative swap":               {memoryOf(m64, -2, 0), "memory"},
		"negative reservation":        {memoryOf(0, 0, -2), "memory"},
		"reservation above the limit": {memoryOf(m64, 0, m64+1), "reservation"},
		"swappiness":                  {&specs.LinuxResources{Memory: &specs.LinuxMemory{Swappiness: &one}}, "swappiness"},
		"no OOM killer":               {&specs.LinuxResources{Memory: &specs.LinuxMemory{DisableOOMKiller: &yes}}, "OOM"},
		"a quota that is too small":   {cpuOf(999, 0, 0, "", ""), "quota"},
		"a negative quota":            {cpuOf(-2, 0, 0, "", ""), "quota"},
		"a period that is too long":   {cpuOf(0, 1000001, 0, "", ""), "period"},
		"a period that is too short":  {cpuOf(0, 999, 0, "", ""), "period"},
		"too few shares":              {cpuOf(0, 0, 1, "", ""), "shares"},
		"too many shares":             {cpuOf(0, 0, 262145, "", ""), "shares"},
		"realtime":                    {&specs.LinuxResources{CPU: &specs.LinuxCPU{RealtimePeriod: &one}}, "realtime"},
		"burst":                       {&specs.LinuxResources{CPU: &specs.LinuxCPU{Burst: &one}}, "burst"},
		"negative pids":               {pidsOf(-2), "pids"},
		"weight":                      {weightOf(short), "weight"},
		"throttling":                  {&specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{ThrottleReadBpsDevice: []specs.LinuxThrottleDevice{{}}}}, "throttling"},
		"huge pages":                  {&specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{}}}, "huge pages"},
		"network":                     {&specs.LinuxResources{Network: &specs.LinuxNetwork{}}, "network"},
		"RDMA":                        {&specs.LinuxResources{Rdma: map[string]specs.LinuxRdma{"a": {}}}, "RDMA"},
		"files of version 2":          {&specs.LinuxResources{Unified: map[string]string{"a": "b"}}, "version 2"},
		"devices":                     {&specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Type: "x"}}}, "device"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, validate(test.resources), test.reason)
		})
	}
	require.NoError(t, validate(nil))
	require.NoError(t, validate(&specs.LinuxResources{Memory: &specs.LinuxMemory{}, CPU: &specs.LinuxCPU{}, Pids: &specs.LinuxPids{}, BlockIO: &specs.LinuxBlockIO{}}))
}

// Zero is "not asked for" in the specification's own tools.
func TestZeroAsksForNothing(t *testing.T) {
	zero, none, short := int64(0), uint64(0), uint16(0)
	resources := &specs.LinuxResources{
		Memory:  &specs.LinuxMemory{Limit: &zero, Swap: &zero, Reservation: &zero},
		CPU:     &specs.LinuxCPU{Quota: &zero, Period: &none, Shares: &none},
		Pids:    &specs.LinuxPids{Limit: &zero},
		BlockIO: &specs.LinuxBlockIO{Weight: &short},
	}

	require.NoError(t, validate(resources))
	require.Empty(t, askedOf(resources))
	require.Empty(t, askedOf(nil))
}
