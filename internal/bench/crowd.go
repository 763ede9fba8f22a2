package main

import "strings"

const (
	crowd = 300
	ends  = 20 // so many of the first and of the last are looked at
)

// crowd starts containers until there are 300 that run. It takes its samples by
// itself, as nothing here can be done in turn: the figures of the contenders are those
// of the first and of the last ones.
func (b *bench) crowd() ([]contender, func() error, error) {
	var taken []float64
	for range crowd {
		figure, err := milliseconds(b.tinydocker("run", "-d", "--label", "crowd", "base", "sleep", "1h"))
		if err != nil {
			return nil, nil, err
		}
		taken = append(taken, figure)
	}
	done := func() error {
		ids, err := printed(b.tinydocker("ps", "-q", "--filter", "label=crowd"))
		if err != nil {
			return err
		}
		return do(b.tinydocker(append([]string{"rm", "-f"}, strings.Fields(ids)...)...))
	}
	return []contender{sampled("the first", taken[1:ends+1]), sampled("the 300th", taken[crowd-ends:])}, done, nil
}
