package image

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/opencontainers/go-digest"
)

// hub is the registry of names without one, and library the folder there of names
// without a folder.
const (
	hub     = name.DefaultRegistry
	library = "library/"
)

// Reference is the name of an image, as people write it: without the registry and
// the folder that are meant if there are none.
type Reference struct {
	Repository string
	Tag        string        // "latest" if neither is given
	Digest     digest.Digest // of what a registry has; "" if any will do
}

// isComponent reports whether text may be an element of a path: letters and digits, with
// single separators in between (distribution/reference), which are . _ __ or any number
// of -. The library that takes names apart also takes "a/../b" for one.
func isComponent(text string) bool {
	for {
		rest := strings.TrimLeft(text, "abcdefghijklmnopqrstuvwxyz0123456789")
		switch {
		case rest == text:
			return false // nothing, where there has to be a letter or a digit
		case rest == "":
			return true
		case rest[0] == '-':
			text = strings.TrimLeft(rest, "-")
		case strings.HasPrefix(rest, "__"):
			text = rest[2:]
		case rest[0] == '.' || rest[0] == '_':
			text = rest[1:]
		default:
			return false
		}
	}
}

func isHexadecimal(text string) bool {
	return text != "" && strings.Trim(text, "0123456789abcdef") == ""
}

// A registry is a host name or an address, with a port if it is not the usual one.
var registryName = sync.OnceValue(func() *regexp.Regexp {
	const label = `[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?`
	return regexp.MustCompile(`^(?:` + label + `(?:\.` + label + `)*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$`)
})

// ParseReference parses [REGISTRY[:PORT]/]REPOSITORY[:TAG][@DIGEST].
func ParseReference(text string) (Reference, error) {
	invalid := func(why string) (Reference, error) {
		return Reference{}, fmt.Errorf("invalid image name %q: %s", text, why)
	}
	if len(text) > 512 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return invalid("at most 512 letters, digits and . _ - / : @")
	}
	rest, sum, byDigest := strings.Cut(text, "@")
	reference := Reference{Digest: digest.Digest(sum)}
	if byDigest && reference.Digest.Validate() != nil {
		return invalid("a digest is sha256: and 64 hexadecimal digits")
	}
	if strings.HasSuffix(rest, ":") {
		return invalid("there is no tag behind the colon")
	}
	tag, err := name.NewTag(rest)
	if err != nil {
		return invalid("lower-case letters, digits and . _ - /, with a tag as in base:latest")
	}
	if tag.RegistryStr() != hub && !registryName().MatchString(tag.RegistryStr()) {
		return invalid("before the first / is no name of a registry")
	}
	for _, element := range strings.Split(tag.RepositoryStr(), "/") {
		if !isComponent(element) {
			return invalid("lower-case letters, digits and . _ - /, with a tag as in base:latest")
		}
	}
	if !validTag(tag.TagStr()) {
		return invalid("a tag is at most 128 letters, digits and . _ - and begins with none of . -")
	}
	reference.Repository = familiar(tag.RegistryStr(), tag.RepositoryStr())
	if len(reference.Repository) == 64 && isHexadecimal(reference.Repository) {
		return invalid("it looks like the id of an image")
	}
	if !byDigest || strings.HasSuffix(rest, ":"+tag.TagStr()) {
		reference.Tag = tag.TagStr()
	}
	return reference, nil
}

func validTag(tag string) bool {
	return tag != "" && len(tag) <= 128 && tag[0] != '.' && tag[0] != '-'
}

func familiar(registry, repository string) string {
	if registry != hub {
		return registry + "/" + repository
	}
	return strings.TrimPrefix(repository, library)
}

// String returns the name as it is shown.
func (r Reference) String() string {
	text := r.Repository
	if r.Tag != "" {
		text += ":" + r.Tag
	}
	if r.Digest != "" {
		text += "@" + r.Digest.String()
	}
	return text
}

// named returns the reference as the record of an image has it: a digest makes a
// tag mean nothing.
func (r Reference) named() Reference {
	if r.Digest != "" {
		r.Tag = ""
	}
	return r
}

// remote returns the name as the library that talks to registries has it.
func (r Reference) remote() (name.Reference, error) {
	if r.Digest != "" {
		return name.NewDigest(r.Repository + "@" + r.Digest.String())
	}
	return name.NewTag(r.String())
}

// dockerName writes a whole name as Docker does, which calls its registry docker.io.
func dockerName(full name.Reference) string {
	return strings.Replace(full.Name(), hub, "docker.io", 1)
}
