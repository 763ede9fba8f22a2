// Package image knows the images that containers can be made from: what they
// are called, what they contain and how a container of theirs starts.
package image

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Reference is the name of an image: a repository and a tag.
type Reference struct {
	Repository string
	Tag        string
}

// A repository is one or more components separated by "/", a tag at most 128
// characters: the grammar of distribution references, without a registry.
var patterns = sync.OnceValue(func() [2]*regexp.Regexp {
	return [2]*regexp.Regexp{
		regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`),
		regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`),
	}
})

// ParseReference parses NAME or NAME:TAG. Without a tag, "latest" is meant.
func ParseReference(name string) (Reference, error) {
	repository, tag, tagged := strings.Cut(name, ":")
	if !tagged {
		tag = "latest"
	}
	if !patterns()[0].MatchString(repository) || !patterns()[1].MatchString(tag) {
		return Reference{}, fmt.Errorf("invalid image name %q: lower-case letters, digits and . _ - /, with a tag as in base:latest", name)
	}
	return Reference{Repository: repository, Tag: tag}, nil
}

func (r Reference) String() string { return r.Repository + ":" + r.Tag }
