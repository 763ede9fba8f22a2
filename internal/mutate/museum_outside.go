package main

var withoutNetworkNames = Edit{"final/network/create.go", "if !validName(config.Name) || len(config.Name) > 64 {", "if false {"}

var nothingGetsIn = Edit{"final/network/rules.go", "		{chain: forward, out: is(n.Bridge), verdict: drop},\n", ""}

// museumOutside are the guards of networks and namespaces.
var museumOutside = []Guard{
	{"no capability to forge packets", "TestForgedPackets", []Edit{moreCapabilities("CAP_NET_RAW")}},
	{"the bridge believes no router", "TestForgedPackets", []Edit{
		{"final/network/bridge.go", `n.sysctl("net.ipv6.conf."+network.Bridge+".disable_ipv6", "1")`, `n.sysctl("net.ipv6.conf."+network.Bridge+".disable_ipv6", "0")`},
	}},
	{"the cable believes no router", "TestForgedPackets", []Edit{
		{"final/network/cable.go", `n.sysctl("net.ipv6.conf."+name+".disable_ipv6", "1")`, `n.sysctl("net.ipv6.conf."+name+".disable_ipv6", "0")`},
	}},
	{"nothing gets in but what is published", "TestPortOfTheLoopbackFromOutside", []Edit{nothingGetsIn}},
	{"what is published is so where it was said", "TestPortOfTheLoopbackFromOutside", []Edit{
		{"final/network/rules.go", "	if b.HostIP.IsValid() {\n", "	if false {\n"},
		{"final/network/rules.go", "	if b.HostIP.IsValid() && loopback.Contains(b.HostIP) {\n", "	if false {\n"},
	}},
	{"networks are apart", "TestHostBecomesARouter", []Edit{nothingGetsIn}},
	{"the host forwards for nobody else", "TestHostBecomesARouter", []Edit{
		{"final/network/rules.go", "	if opened {\n", "	if false {\n"},
	}},
	{"names of networks are words", "TestNamesOfNetworksAreWords", []Edit{withoutNetworkNames}},
	// Before the runtime does, the engine looks at names that are written with dots.
	// The list of settings is not taken out as a whole: the exhibit would write the host's,
	// of which there is one for all namespaces.
	{"settings of a network of its own", "TestSettingsOfTheHostByAFlag", []Edit{
		{"final/runtime/sysctl.go", "		if !makes(spec, needs) {\n", "		if false {\n"},
	}},
	{"settings of the list", "TestSettingsOfTheHostByAFlag", []Edit{
		{"final/runtime/sysctl.go", `"kernel/msgmax", `, `"kernel/hostname", "kernel/msgmax", `},
	}},
	{"an IPC namespace", "TestWhatIsSharedByName", []Edit{
		{"final/engine/spec.go", "{Type: specs.IPCNamespace}, ", ""},
	}},
	// The runtime refuses to name a machine that is not the container's.
	{"a UTS namespace", "TestWhatIsSharedByName", []Edit{
		{"final/engine/spec.go", "{Type: specs.UTSNamespace},\n", "\n"},
		{"final/runtime/validate.go", `if spec.Hostname+spec.Domainname != "" && `, "if false && "},
	}},
	// The runtime refuses a container without one, and init is process 1 or nobody.
	{"a PID namespace", "TestProcessesOfTheHost", []Edit{
		{"final/engine/spec.go", "{Type: specs.PIDNamespace}, ", ""},
		{"final/runtime/validate.go", " || !makes(spec, specs.PIDNamespace) {", " {"},
		{"final/runtime/init.go", "takeOn(os.Getpid() == 1, become)", "takeOn(true, become)"},
	}},
	{"pivot_root(2) and not chroot(2)", "TestClimbingOutOfAChroot", []Edit{chroot, keepRoot}},
	{"names have no control characters", "TestNamesThatDriveTheTerminal", []Edit{
		{"final/engine/names.go", `return !isWord(r) && !strings.ContainsRune("_.-", r)`, "return false"},
	}},
}
