package main

// mountsBeforePivot makes the mounts on the host's paths of the container's root, as
// runtimes used to. They are in the container's mount namespace.
var mountsBeforePivot = Edit{
	"final/runtime/init.go",
	"	if err := pivot(path, spec.Root.Path, log); err != nil {\n		return err\n	}\n	if err := mountAll(others, sources, log); err != nil {\n		return err\n	}\n",
	"	for index := range others {\n		others[index].Destination = path + others[index].Destination\n	}\n	if err := mountAll(others, sources, log); err != nil {\n		return err\n	}\n	if err := pivot(path, spec.Root.Path, log); err != nil {\n		return err\n	}\n",
}

// withoutInRoot has names below somebody else's folder lead to the host.
var withoutInRoot = Edit{"final/storage/tree.go", "Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}", "Resolve: unix.RESOLVE_NO_MAGICLINKS}"}

// museumPaths are the guards of paths.
var museumPaths = []Guard{
	{"mounts are made after pivot_root", "TestMountOnALinkOfTheImage", []Edit{mountsBeforePivot}},
	{"mounts are made after pivot_root: a race", "TestMountOnALinkThatComesAndGoes", []Edit{mountsBeforePivot}},
	{"files are made after pivot_root", "TestFilesThatAreMadeByWayOfALink", []Edit{mountsBeforePivot}},
	{"/dev is a new tmpfs", "TestMaskedByALinkOfTheImage", []Edit{
		{"final/runtime/mounts.go", "	info, err := look(mount.Destination)\n", "	info, err := look(mount.Destination)\n	if err == nil && mount.Destination == \"/dev\" {\n		return nil\n	}\n"},
	}},
	// Devices in a volume cannot be opened, and init would miss /dev/null.
	{"/dev is nobody's volume", "TestMaskedByALinkOfTheImage", []Edit{
		{"final/runtime/mounts.go", "	if !devices {\n", "	if false {\n"},
		{"final/volume/spec.go", "made.Source = s.Path(mount.Source)\n		made.Options = []string{\"rbind\", \"nosuid\", \"nodev\"}", "made.Source = s.Path(mount.Source)\n		made.Options = []string{\"rbind\", \"nosuid\"}"},
	}},
	{"nothing is mounted in /proc", "TestProcIsCovered", []Edit{
		{"final/engine/mounts.go", `if mount.Target == "/proc" || strings.HasPrefix(mount.Target, "/proc/") {`, `if false {`},
	}},
	{"copies stay in the container's root", "TestCopyByWayOfALinkThatComesAndGoes", []Edit{withoutInRoot}},
	// No path leads through the layers by which this could be forgotten: it opens the place
	// by its path on the host.
	{"a volume begins with the image's files", "TestVolumeThatBeginsWithTheHosts", []Edit{
		{"final/engine/mounts.go", "storage.View{Driver: driverOf(record), Layers: layers}.Archive(writer, place)", `storage.View{Driver: driverOf(record), Layers: []string{layers[0] + place + "/"}}.Archive(writer, "/")`},
	}},
	{"links are packed as links", "TestImageOfTheHostsFiles", []Edit{
		{"final/storage/entry.go", "err := unix.Fstatat(folder, name, &entry.stat, unix.AT_SYMLINK_NOFOLLOW)", "err := unix.Fstatat(folder, name, &entry.stat, 0)"},
		{"final/storage/archive.go", "unix.Openat(folder, entry.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)", "unix.Openat(folder, entry.name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)"},
	}},
	{"names of containers are no paths", "TestNamesThatArePaths", []Edit{
		{"final/engine/names.go", `return !isWord(r) && !strings.ContainsRune("_.-", r)`, "return false"},
	}},
	{"names of volumes are no paths", "TestNamesThatArePaths", []Edit{
		{"final/volume/mount.go", "if !namePattern().MatchString(name) {", "if false {"},
	}},
	{"names of networks are no paths", "TestNamesThatArePaths", []Edit{withoutNetworkNames}},
}

// museumImages are the guards of images.
var museumImages = []Guard{
	{"links of an archive lead to places in its layer", "TestArchiveThatClimbsOut", []Edit{withoutInRoot}},
	// With the features of overlay switched off, what it is told is not believed.
	{"overlay's attributes are left out", "TestMetadataOfAnArchive", []Edit{
		{"final/storage/attributes.go", "if !ok || !belongsToFile(attribute) {", "if !ok {"},
	}},
	{"layers have no devices", "TestDeviceInAnImage", []Edit{
		{"final/storage/create.go", "		return u.tree.remove(parent, base)\n", "		kind := uint32(unix.S_IFCHR)\n		if header.Typeflag == tar.TypeBlock {\n			kind = unix.S_IFBLK\n		}\n		return u.replacing(parent, base, func() error { return unix.Mknodat(parent, base, kind|0o666, int(unix.Mkdev(uint32(header.Devmajor), uint32(header.Devminor)))) })\n"},
	}},
	{"the root is nodev", "TestDeviceInAnImage", []Edit{
		{"final/runtime/union.go", `"overlay", unix.MS_NODEV, data)`, `"overlay", 0, data)`},
	}},
	{"no capability to make devices", "TestDeviceInAnImage", []Edit{moreCapabilities("CAP_MKNOD")}},
	{"the devices cgroup", "TestDeviceInAnImage", []Edit{
		{"final/cgroup/default_devices.go", `{Allow: false, Access: "rwm"},`, `{Allow: true, Access: "rwm"},`},
	}},
	// The library that gets a blob compares its digest, and so does who reads it again: this
	// gets it otherwise, and compares nothing.
	{"a blob has the digest that it was asked for by", "TestContentThatIsNotWhatItsDigestSays", []Edit{
		{"final/image/registry.go", "	\"io\"\n", "	\"io\"\n	\"net/http\"\n"},
		{"final/image/registry.go", "	body, err := remoteBlob.Compressed()\n	if err != nil {\n		return err\n	}\n	defer body.Close()\n", "	_ = remoteBlob\n	answer, err := http.Get(\"http://\" + r.name.RegistryStr() + \"/v2/\" + r.name.RepositoryStr() + \"/blobs/\" + blob.Digest.String())\n	if err != nil {\n		return err\n	}\n	body := answer.Body\n	defer body.Close()\n"},
		{"final/image/blobs.go", "case incoming.digest() != blob.Digest:", "case false:"},
		{"final/image/blobs.go", "if digest.FromBytes(content) != id {", "if false {"},
	}},
	// The library has this guard. Ours is to have it do so: this does it itself.
	{"a password is for one host", "TestPasswordForAnotherHost", []Edit{
		{"final/image/transport.go", "type guarded struct {\n", "var secret string\n\ntype guarded struct {\n"},
		{"final/image/transport.go", "	response, err := g.inner.RoundTrip(request)\n", "	if given := request.Header.Get(\"Authorization\"); given != \"\" {\n		secret = given\n	}\n	request.Header.Set(\"Authorization\", secret)\n	response, err := g.inner.RoundTrip(request)\n"},
	}},
	{"files of users are bounded", "TestUsersOfAnEndlessFile", []Edit{
		{"final/engine/files.go", "const maxImageFile = 1 << 20", "const maxImageFile = 1 << 30"},
	}},
	// A link by which the host's file is found is one that somebody follows on the host.
	{"files of users are in the image", "TestUsersOfAnEndlessFile", []Edit{
		{"final/storage/view.go", "	resolved, err := v.resolve(name)\n	if err != nil {\n		return nil, err\n	}\n	folder, err := v.descend(path.Dir(resolved))\n", "	for _, layer := range v.Layers {\n		if content, err := os.ReadFile(path.Join(layer, name)); err == nil {\n			return content, nil\n		}\n	}\n	resolved, err := v.resolve(name)\n	if err != nil {\n		return nil, err\n	}\n	folder, err := v.descend(path.Dir(resolved))\n"},
	}},
	// A folder of state that is open to others is refused, too.
	{"state is 0700", "TestStateThatOthersCanRead", []Edit{
		{"final/engine/engine.go", "	if err := os.MkdirAll(folder, 0o700); err != nil {\n		return \"\", ", "	if err := os.MkdirAll(folder, 0o755); err != nil {\n		return \"\", "},
		{"final/engine/engine.go", "if info.Mode().Perm()&0o077 != 0 {", "if false {"},
	}},
}

func moreCapabilities(names string) Edit {
	return Edit{"final/engine/capabilities.go", `"CAP_SETFCAP", "CAP_SETGID",`, `"CAP_SETFCAP", "` + names + `", "CAP_SETGID",`}
}
