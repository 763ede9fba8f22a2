package chapters

// mistakes are such as learners have made, by chapter and step. Where no test of the
// step sees one, the next step is built on it, and nothing there says where to look.
var mistakes = [6]map[int][]mistake{
	{
		1: {
			{"pipe.go", "json.NewDecoder(pipe).Decode(&message)", "func() error {\n\t\tbuffer := make([]byte, 4096)\n\t\tn, _ := pipe.Read(buffer)\n\t\treturn json.Unmarshal(buffer[:n], &message)\n\t}()"},
		},
		2: {
			{"run.go", "syscall.CLONE_NEWPID | ", ""},
			{"run.go", "syscall.CLONE_NEWNET | ", ""},
			{"run.go", "parent.ExtraFiles = []*os.File{pipe}", ""},
			{"run.go", "parent.Stdout, parent.Stderr = os.Stdout, os.Stderr", "parent.Stdout = os.Stdout"},
			{"run.go", "parent.Env = []string{", "_ = []string{"},
		},
		3: {
			{"exit.go", "\tdefault:\n\t\treturn nil\n", "\tdefault:\n\t\tvar none *ExitError\n\t\treturn none\n"},
		},
		4: {
			{"init.go", "unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC", "0"},
			{"init.go", "unix.MS_REC|unix.MS_PRIVATE", "unix.MS_PRIVATE"},
		},
	},
	{
		2: {
			{"cgroup.go", "!errors.Is(err, unix.EBUSY) || time", "errors.Is(err, unix.EBUSY) || time"},
		},
	},
	{
		1: {
			{"image.go", "unlock, err := lock(filepath.Dir(layer))", "unlock, err := func() {}, error(nil)"},
		},
	},
	{
		3: {
			{"bind.go", "source, err := filepath.EvalSymlinks(v.Source)", "source, err := v.Source, error(nil)"},
			{"bind.go", "unix.MS_PRIVATE|unix.MS_REC", "unix.MS_PRIVATE"},
		},
	},
	{
		5: {
			{"exec.go", "\truntime.LockOSThread()\n", "\t_ = runtime.LockOSThread\n"},
		},
		6: {
			{"logs.go", "if waitFor[1].Revents != 0 {", "if false {"},
		},
	},
	{
		3: {
			{"bridge.go", "netlink.AddrReplace(", "netlink.AddrAdd("},
			{"bridge.go", "err := n.allowLoopback(); err != nil", "err := error(nil); err != nil"},
		},
		5: {
			{"ipam.go", "if index >= sizeOf(b.subnet) {", "if index < 0 {"},
		},
	},
}
