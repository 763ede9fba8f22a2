package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/docker/go-units"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v3"
	"golang.org/x/sys/unix"

	"mytinydocker/final/engine"
	"mytinydocker/final/volume"
)

// The headings under which the flags of run and create are listed.
const (
	identity  = "what it is"
	program   = "what it runs"
	lifetime  = "how it lives and ends"
	limits    = "what it may use"
	isolation = "what it may do"
	files     = "what it sees"
)

// containerFlags are the flags of run and create, as docker-run(1) has them.
func containerFlags() []cli.Flag {
	text := func(category, name, usage string, aliases ...string) cli.Flag {
		return &cli.StringFlag{Name: name, Aliases: aliases, Usage: usage, Category: category}
	}
	list := func(category, name, usage string, aliases ...string) cli.Flag {
		return &cli.StringSliceFlag{Name: name, Aliases: aliases, Usage: usage, Category: category}
	}
	yes := func(category, name, usage string, aliases ...string) cli.Flag {
		return &cli.BoolFlag{Name: name, Aliases: aliases, Usage: usage, Category: category}
	}
	return append([]cli.Flag{
		text(identity, "name", "`NAME` of the container; a random one by default"),
		text(identity, "hostname", "`NAME` of the machine inside; the container's id by default", "h"),
		list(identity, "label", "attach `KEY=VALUE` to the container", "l"),
		list(identity, "label-file", "read labels from a `FILE`, one on each line"),
		text(program, "pull", "get the image from its registry: `WHEN` missing, always or never"),
		text(program, "platform", "of several images the one for `PLATFORM`, as in linux/arm64"),
		text(identity, "cidfile", "write the id into a new `FILE`"),

		yes(program, "interactive", "pass standard input on", "i"),
		yes(program, "tty", "give the container a terminal", "t"),
		list(program, "env", "set a variable, `NAME=VALUE`; or pass NAME on", "e"),
		list(program, "env-file", "read variables from a `FILE`, one on each line"),
		text(program, "workdir", "`FOLDER` in which the program starts; made if it is missing", "w"),
		text(program, "user", "`USER[:GROUP]` that runs the program, by name or number", "u"),
		list(program, "group-add", "a further `GROUP` of that user"),
		text(program, "entrypoint", "`PROGRAM` to run instead of the image's, whose command is then dropped, too"),
		yes(program, "init", "run a PID 1 that passes signals on and reaps orphans"),

		yes(lifetime, "rm", "remove the container when it ends"),
		text(lifetime, "restart", "start it again: `POLICY` no, on-failure[:COUNT], always or unless-stopped"),
		text(lifetime, "stop-signal", "`SIGNAL` that asks the program to end; TERM by default"),
		&cli.IntFlag{Name: "stop-timeout", Usage: "`SECONDS` until it is killed then, -1 for never", Value: 10, Category: lifetime},
		text(lifetime, "log-driver", "keep the output by `DRIVER` json-file, or none"),
		list(lifetime, "log-opt", "`max-size=SIZE` of a file of the log, or max-file=COUNT of them"),
		text(lifetime, "detach-keys", "`KEYS` for leaving it running; ctrl-p,ctrl-q by default"),

		text(limits, "memory", "at most `SIZE` of memory, as in 64m or 1g", "m"),
		text(limits, "memory-swap", "at most `SIZE` of memory and swap together, or -1"),
		text(limits, "memory-reservation", "`SIZE` of memory to come down to when it is short"),
		&cli.FloatFlag{Name: "cpus", Usage: "at most the time of `COUNT` CPUs, as in 1.5", Category: limits},
		&cli.Uint64Flag{Name: "cpu-shares", Aliases: []string{"c"}, Usage: "`WEIGHT` against others, of which 1024 is usual", Category: limits},
		text(limits, "cpuset-cpus", "only these CPUs, a `LIST` as in 0-2,7"),
		&cli.Int64Flag{Name: "pids-limit", Usage: fmt.Sprintf("at most `COUNT` processes and threads, or -1; %d by default", engine.DefaultPids), Category: limits},
		list(limits, "ulimit", "`NAME=SOFT[:HARD]` of getrlimit(2), as in nofile=1024"),
		text(limits, "shm-size", "`SIZE` of /dev/shm; 64m by default"),

		yes(isolation, "privileged", "take all protection away: root inside is root on the host"),
		text(isolation, "userns", "`MODE` auto: users of its own, so that root inside is nobody on the host; host by default"),
		list(isolation, "cap-add", "`CAPABILITY` to grant, or ALL"),
		list(isolation, "cap-drop", "`CAPABILITY` to take away, or ALL"),
		list(isolation, "security-opt", "`OPTION`: no-new-privileges[=false], seccomp=FILE or seccomp=unconfined"),
		list(isolation, "device", "let it use a device: `HOST[:CONTAINER[:rwm]]`"),
		list(isolation, "sysctl", "`NAME=VALUE` of a kernel parameter that is the container's own"),

		yes(files, "read-only", "the root file system cannot be written to"),
		list(files, "volume", "`SOURCE:PLACE[:ro]`: a volume by its name, or a folder or file of this machine by its path", "v"),
		list(files, "mount", "the same in words: `type=bind|volume|tmpfs,src=SOURCE,dst=PLACE[,readonly]`"),
		list(files, "volumes-from", "the volumes and folders of another `CONTAINER[:ro]`, too"),
		list(files, "tmpfs", "a folder in memory: `PATH[:size=SIZE,mode=MODE]`"),
	}, networkingFlags()...)
}

// containerOptions are the options that the flags of run and create ask for.
func containerOptions(flags given, args []string) (engine.Options, error) {
	options := engine.Options{
		Image:      args[0],
		Command:    args[1:],
		Name:       flags.String("name"),
		WorkingDir: flags.String("workdir"),
		User:       flags.String("user"),
		Groups:     flags.StringSlice("group-add"),
		Hostname:   flags.String("hostname"),
		Terminal:   flags.Bool("tty"),
		Stdin:      flags.Bool("interactive"),
		AutoRemove: flags.Bool("rm"),
		StopSignal: flags.String("stop-signal"),
		ReadOnly:   flags.Bool("read-only"),
		Init:       flags.Bool("init"),
		CIDFile:    flags.String("cidfile"),
	}
	if flags.IsSet("name") && options.Name == "" {
		return options, errors.New("the container's name is empty: leave --name out for a random one")
	}
	if flags.IsSet("entrypoint") {
		entrypoint := flags.String("entrypoint")
		options.Entrypoint = &entrypoint
	}
	if flags.IsSet("stop-timeout") {
		timeout := flags.Int("stop-timeout")
		options.StopTimeout = &timeout
	}
	for _, parse := range []func(given, *engine.Options) error{
		parseEnv, parseLabels, parseRestart, parseLimits, parseLog, parseSecurity, parseFiles, parseNetworking,
	} {
		if err := parse(flags, &options); err != nil {
			return options, err
		}
	}
	return options, nil
}

func parseEnv(flags given, options *engine.Options) error {
	for _, path := range flags.StringSlice("env-file") {
		lines, err := readLines(path)
		if err != nil {
			return fmt.Errorf("read the variables: %w", err)
		}
		for _, line := range lines {
			if name, _, _ := strings.Cut(line, "="); strings.ContainsAny(name, " \t") {
				return fmt.Errorf("read the variables of %s: the name %q has a space in it", path, name)
			}
		}
		options.Env = append(options.Env, lines...)
	}
	options.Env = append(options.Env, flags.StringSlice("env")...)
	return nil
}

func parseLabels(flags given, options *engine.Options) error {
	options.Labels = make(map[string]string)
	for _, path := range flags.StringSlice("label-file") {
		lines, err := readLines(path)
		if err != nil {
			return fmt.Errorf("read the labels: %w", err)
		}
		maps.Copy(options.Labels, pairs(lines))
	}
	maps.Copy(options.Labels, pairs(flags.StringSlice("label")))
	if _, empty := options.Labels[""]; empty {
		return errors.New("invalid label: it has no key, as in KEY=VALUE")
	}
	return nil
}

// pairs makes a map of a list of KEY=VALUE. A key alone has an empty value.
func pairs(list []string) map[string]string {
	all := make(map[string]string)
	for _, text := range list {
		key, value, _ := strings.Cut(text, "=")
		all[key] = value
	}
	return all
}

// readLines reads a file of settings: one on each line, without empty lines and
// those that begin with #.
func readLines(path string) ([]string, error) {
	content, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	if !utf8.Valid(content) {
		return nil, fmt.Errorf("%s is no text in UTF-8", path)
	}
	var lines []string
	scanner := bufio.NewScanner(bytes.NewReader(content))
	scanner.Buffer(nil, len(content)+1)
	for scanner.Scan() {
		line := strings.TrimLeft(scanner.Text(), " \t")
		if line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines, scanner.Err()
}

// maxSettings is how long a file of settings may be, in bytes.
const maxSettings = 8 << 20

func readSmall(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxSettings+1))
	if err == nil && len(content) > maxSettings {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxSettings)
	}
	return content, err
}

func parseRestart(flags given, options *engine.Options) (err error) {
	if flags.IsSet("restart") {
		options.Restart, err = engine.ParseRestart(flags.String("restart"))
	}
	return err
}

func parseLimits(flags given, options *engine.Options) (err error) {
	if options.Limits, err = limitsOf(flags); err != nil {
		return err
	}
	if options.ShmSize, err = size(flags, "shm-size"); err != nil {
		return err
	}
	for _, text := range flags.StringSlice("ulimit") {
		limit, err := parseUlimit(text)
		if err != nil {
			return err
		}
		options.Ulimits = append(options.Ulimits, limit)
	}
	return nil
}

// limitsOf are the limits that flags of run, create and update ask for.
func limitsOf(flags given) (limits engine.Limits, err error) {
	limits = engine.Limits{
		CPUs: flags.Float("cpus"), CPUShares: flags.Uint64("cpu-shares"),
		CPUSet: flags.String("cpuset-cpus"), Pids: flags.Int64("pids-limit"),
	}
	for name, limit := range map[string]*int64{
		"memory": &limits.Memory, "memory-swap": &limits.MemorySwap, "memory-reservation": &limits.MemoryReservation,
	} {
		if *limit, err = size(flags, name); err != nil {
			return limits, err
		}
	}
	return limits, nil
}

// size parses a flag that is a number of bytes. Only that of swap may be -1.
func size(flags given, name string) (int64, error) {
	text := flags.String(name)
	if !flags.IsSet(name) {
		return 0, nil
	}
	if name == "memory-swap" && text == "-1" {
		return -1, nil
	}
	bytes, err := units.RAMInBytes(text)
	if err != nil || bytes < 0 {
		return 0, fmt.Errorf("invalid size %q for --%s: a number of bytes, or as in 64m or 1g", text, name)
	}
	return bytes, nil
}

func parseUlimit(text string) (specs.POSIXRlimit, error) {
	parsed, err := units.ParseUlimit(text)
	if err != nil {
		return specs.POSIXRlimit{}, fmt.Errorf("invalid limit %q for --ulimit: NAME=SOFT[:HARD], as in nofile=1024:2048", text)
	}
	limit := func(value int64) uint64 {
		if value == -1 {
			return unix.RLIM_INFINITY
		}
		return uint64(value)
	}
	return specs.POSIXRlimit{Type: "RLIMIT_" + strings.ToUpper(parsed.Name), Soft: limit(parsed.Soft), Hard: limit(parsed.Hard)}, nil
}

func parseLog(flags given, options *engine.Options) error {
	options.Log.Driver = flags.String("log-driver")
	switch options.Log.Driver {
	case "", engine.LogJSON, engine.LogNone:
	default:
		return fmt.Errorf("unknown log driver %q: json-file or none", options.Log.Driver)
	}
	for _, text := range flags.StringSlice("log-opt") {
		name, value, _ := strings.Cut(text, "=")
		var err error
		switch name {
		case "max-size":
			options.Log.MaxSize, err = units.RAMInBytes(value)
		case "max-file":
			options.Log.MaxFile, err = strconv.Atoi(value)
		default:
			return fmt.Errorf("unknown option %q for --log-opt: max-size or max-file", name)
		}
		if err != nil || options.Log.MaxSize < 0 || options.Log.MaxFile < 0 {
			return fmt.Errorf("invalid option %q for --log-opt: as in max-size=10m or max-file=3", text)
		}
	}
	if options.Log.MaxFile > 1 && options.Log.MaxSize == 0 {
		return errors.New("--log-opt max-file needs a max-size, too")
	}
	return nil
}

func parseSecurity(flags given, options *engine.Options) error {
	security := &options.Security
	security.Privileged = flags.Bool("privileged")
	options.Userns = flags.String("userns")
	security.CapAdd, security.CapDrop = flags.StringSlice("cap-add"), flags.StringSlice("cap-drop")
	for _, text := range flags.StringSlice("security-opt") {
		if err := parseSecurityOption(text, security); err != nil {
			return err
		}
	}
	for _, text := range flags.StringSlice("device") {
		device, err := parseDevice(text)
		if err != nil {
			return err
		}
		options.Devices = append(options.Devices, device)
	}
	options.Sysctls = pairs(flags.StringSlice("sysctl"))
	return nil
}

func parseSecurityOption(text string, security *engine.Security) error {
	name, value, valued := strings.Cut(text, "=")
	if !valued {
		name, value, _ = strings.Cut(text, ":") // as older versions of Docker had it
	}
	switch {
	case name == "no-new-privileges" && (value == "" || value == "true"):
		security.AllowNewPrivs = false
	case name == "no-new-privileges" && value == "false":
		security.AllowNewPrivs = true
	case name == "seccomp" && value == "unconfined":
		security.SeccompUnconfined = true
	case name == "seccomp" && value != "":
		profile, err := readSmall(value)
		if err != nil {
			return fmt.Errorf("read the seccomp profile: %w", err)
		}
		security.SeccompProfile = string(profile)
	default:
		return fmt.Errorf("unknown option %q for --security-opt: no-new-privileges[=false], seccomp=FILE or seccomp=unconfined", text)
	}
	return nil
}

func parseDevice(text string) (engine.Device, error) {
	parts := strings.Split(text, ":")
	device := engine.Device{Host: parts[0], Container: parts[0], Access: "rwm"}
	switch {
	case len(parts) == 2 && strings.HasPrefix(parts[1], "/"):
		device.Container = parts[1]
	case len(parts) == 2:
		device.Access = parts[1]
	case len(parts) == 3:
		device.Container, device.Access = parts[1], parts[2]
	case len(parts) > 3:
		return device, invalidDevice(text)
	}
	if !strings.HasPrefix(device.Host, "/dev/") || !strings.HasPrefix(device.Container, "/") ||
		device.Access == "" || strings.Trim(device.Access, "rwm") != "" {
		return device, invalidDevice(text)
	}
	return device, nil
}

func invalidDevice(text string) error {
	return fmt.Errorf("invalid device %q: as in /dev/fuse or /dev/sda:/dev/xvda:r", text)
}

func parseFiles(flags given, options *engine.Options) error {
	options.Tmpfs = make(map[string]string)
	for _, text := range flags.StringSlice("tmpfs") {
		path, data, _ := strings.Cut(text, ":")
		if !strings.HasPrefix(path, "/") {
			return fmt.Errorf("invalid folder %q for --tmpfs: begin it with /", path)
		}
		options.Tmpfs[path] = data
	}
	options.Borrowed = flags.StringSlice("volumes-from")
	for flag, parse := range map[string]func(string) (volume.Mount, error){"volume": volume.Parse, "mount": volume.ParseMount} {
		for _, text := range flags.StringSlice(flag) {
			mount, err := parse(text)
			if err != nil {
				return err
			}
			options.Mounts = append(options.Mounts, mount)
		}
	}
	return nil
}
