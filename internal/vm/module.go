package vm

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// wanted are the modules of what containers are made of. A kernel that has one of
// them built in, or does not know it, has no file of that name; what is missing then,
// the tests say.
var wanted = []string{
	"crc32c_generic", // which libcrc32c does not name among its needs, and asks for when it is loaded
	"overlay", "aufs", "fuse", "loop", "ext4",
	"veth", "bridge", "br_netfilter", "dummy", "macvlan", "ipvlan", "tun",
	"nf_tables", "nft_compat", "nft_chain_nat", "nft_nat", "nft_masq", "nft_redir", "nft_ct", "nft_counter", "nft_log", "nft_limit",
	"nft_reject", "nft_reject_inet", "nft_reject_ipv4", "nft_fib", "nft_fib_ipv4", "nft_fib_ipv6", "nft_fib_inet", "nft_hash",
	"ip_tables", "iptable_filter", "iptable_nat", "iptable_mangle", "iptable_raw", "ip6_tables", "ip6table_filter", "ip6table_nat",
	"xt_MASQUERADE", "xt_nat", "xt_conntrack", "xt_addrtype", "xt_tcpudp", "xt_comment", "xt_mark", "xt_multiport", "xt_state",
	"nf_conntrack", "nf_conntrack_netlink", "nf_nat", "ipt_REJECT", "xt_LOG", "nf_log_syslog",
}

// module is a kernel module, not compressed.
type module struct {
	name    string
	content []byte
}

// modulesFor returns the modules in folder with one of the names, and those that they
// need, each after those it needs (modinfo says which).
func modulesFor(folder string, names []string) ([]module, error) {
	files, err := moduleFiles(folder)
	if err != nil {
		return nil, fmt.Errorf("look for modules in %s: %w", folder, err)
	}
	var modules []module
	seen := make(map[string]bool)
	var add func(name string) error
	add = func(name string) error {
		path, has := files[name]
		if seen[name] || !has {
			return nil
		}
		seen[name] = true
		content, err := readModule(path)
		if err != nil {
			return fmt.Errorf("read the module %s: %w", path, err)
		}
		needed, err := needs(content)
		if err != nil {
			return fmt.Errorf("read the module %s: %w", path, err)
		}
		for _, other := range needed {
			if err := add(other); err != nil {
				return err
			}
		}
		modules = append(modules, module{name: name, content: content})
		return nil
	}
	for _, name := range names {
		if err := add(name); err != nil {
			return nil, err
		}
	}
	return modules, nil
}

// moduleFiles returns the path of each module. The kernel takes a hyphen in a name
// for an underscore.
func moduleFiles(folder string) (map[string]string, error) {
	files := make(map[string]string)
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name, rest, ok := strings.Cut(entry.Name(), ".ko"); ok && !entry.IsDir() && (rest == "" || unpackers[rest] != "") {
			files[strings.ReplaceAll(name, "-", "_")] = path
		}
		return nil
	})
	return files, err
}

var unpackers = map[string]string{".xz": "xz", ".gz": "gzip", ".zst": "zstd"}

func readModule(path string) ([]byte, error) {
	program, packed := unpackers[filepath.Ext(path)]
	if !packed {
		return os.ReadFile(path)
	}
	return exec.Command(program, "--decompress", "--stdout", path).Output()
}

// needs returns the names of the modules that one needs: the field "depends" of the
// section .modinfo, in which each field ends with a zero byte.
func needs(content []byte) ([]string, error) {
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	section := file.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("no section .modinfo")
	}
	fields, err := section.Data()
	if err != nil {
		return nil, err
	}
	for field := range bytes.SplitSeq(fields, []byte{0}) {
		if list, ok := strings.CutPrefix(string(field), "depends="); ok {
			return strings.FieldsFunc(strings.ReplaceAll(list, "-", "_"), func(r rune) bool { return r == ',' }), nil
		}
	}
	return nil, nil
}
