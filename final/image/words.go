package image

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/image-spec/specs-go/v1"
)

// wordsOf splits text at spaces. Quotes of both kinds keep them, and a backslash
// takes away what the character behind it means, as in a Dockerfile.
func wordsOf(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	started, quote := false, rune(0)
	characters := []rune(text)
	for index := 0; index < len(characters); index++ {
		switch character := characters[index]; {
		case character == '\\' && quote != '\'':
			if index++; index == len(characters) {
				return nil, errors.New("nothing follows the last backslash")
			}
			word.WriteRune(characters[index])
			started = true
		case quote != 0 && character == quote:
			quote = 0
		case quote == 0 && (character == '"' || character == '\''):
			quote, started = character, true
		case quote == 0 && (character == ' ' || character == '\t'):
			if started {
				words = append(words, word.String())
				word.Reset()
			}
			started = false
		default:
			word.WriteRune(character)
			started = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote has no end")
	}
	if started {
		words = append(words, word.String())
	}
	return words, nil
}

// changePorts takes PORT[-PORT][/PROTOCOL]...
func changePorts(config *v1.ImageConfig, text string) error {
	words, err := wordsOf(text)
	if err != nil {
		return err
	}
	if config.ExposedPorts == nil {
		config.ExposedPorts = make(map[string]struct{})
	}
	for _, word := range words {
		ports, protocol, given := strings.Cut(word, "/")
		if !given {
			protocol = "tcp"
		}
		first, last, isRange := strings.Cut(ports, "-")
		if !isRange {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 16)
		to, errTo := strconv.ParseUint(last, 10, 16)
		if err != nil || errTo != nil || from == 0 || to < from || protocol != "tcp" && protocol != "udp" && protocol != "sctp" {
			return fmt.Errorf("%q is no port: write it like 80, 53/udp or 8000-8010", word)
		}
		for port := from; port <= to; port++ {
			config.ExposedPorts[fmt.Sprintf("%d/%s", port, protocol)] = struct{}{}
		}
	}
	return nil
}
