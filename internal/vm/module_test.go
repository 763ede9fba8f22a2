package vm

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// moduleNeeding returns an ELF file with a section .modinfo, as modules have it.
func moduleNeeding(t *testing.T, depends string) []byte {
	t.Helper()
	const names = "\x00.modinfo\x00.shstrtab\x00"
	info := "license=GPL\x00depends=" + depends + "\x00name=x\x00"
	const head, entry = 64, 64
	infoAt, namesAt := uint64(head), uint64(head+len(info))
	sections := []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: infoAt, Size: uint64(len(info))},
		{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: namesAt, Size: uint64(len(names))},
	}
	var file bytes.Buffer
	require.NoError(t, binary.Write(&file, binary.LittleEndian, elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_REL), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Ehsize: head, Shoff: namesAt + uint64(len(names)), Shentsize: entry, Shnum: uint16(len(sections)), Shstrndx: 2,
	}))
	file.WriteString(info + names)
	require.NoError(t, binary.Write(&file, binary.LittleEndian, sections))
	return file.Bytes()
}

func TestModulesComeAfterThoseTheyNeed(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string][]byte{
		"fs/union.ko":            moduleNeeding(t, ""),
		"net/bridge.ko":          moduleNeeding(t, "stp,llc"),
		"net/br_netfilter.ko":    moduleNeeding(t, "bridge"),
		"net/llc.ko":             moduleNeeding(t, ""),
		"net/stp.ko.gz":          packed(t, moduleNeeding(t, "llc,built-in")),
		"net/xt-with-hyphens.ko": moduleNeeding(t, ""),
		"not-wanted.ko":          []byte("not even looked at"),
		"modules.order":          nil,
	} {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, content, 0o600))
	}

	modules, err := modulesFor(folder, []string{"br_netfilter", "nowhere", "bridge", "xt_with_hyphens", "union"})

	require.NoError(t, err)
	var names []string
	for _, module := range modules {
		names = append(names, module.name)
		require.True(t, bytes.HasPrefix(module.content, []byte("\x7fELF")), "%s is not packed any more", module.name)
	}
	require.Equal(t, []string{"llc", "stp", "bridge", "br_netfilter", "xt_with_hyphens", "union"}, names)
}

func packed(t *testing.T, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	_, err := writer.Write(content)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	return out.Bytes()
}

func TestModuleThatIsNoneIsAnError(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "overlay.ko"), []byte("text"), 0o600))

	_, err := modulesFor(folder, []string{"overlay"})

	require.ErrorContains(t, err, "overlay.ko")
}
