package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

const (
	chartWidth = 860
	barLeft    = 330 // what is before it is text
	barWidth   = 400 // of a hundredfold of us
	barHeight  = 22
)

// chart draws how many times as much as we everybody takes, on a logarithmic scale: to
// the right of the line is more than we, to the left is less.
func chart(results []result) string {
	var bars strings.Builder
	y := 40
	for _, result := range results {
		for _, l := range linesOf(result) {
			if l.ratio == 0 {
				continue
			}
			bars.WriteString(bar(y, result.Name+" · "+l.Name, 1/l.ratio))
			y += barHeight
		}
		y += 8
	}
	middle := barLeft + position(1)
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">
<rect width="100%%" height="100%%" fill="white"/>
<text x="10" y="22" font-weight="bold">How many times as much as tinydocker takes, logarithmic</text>
%s<line x1="%d" y1="32" x2="%d" y2="%d" stroke="black"/>
</svg>
`, chartWidth, y+10, bars.String(), middle, middle, y)
}

// position is where a multiple of us lies, from a tenth to a hundredfold.
func position(times float64) int {
	return int(barWidth * (min(max(math.Log10(times), -1), 2) + 1) / 3)
}

func bar(y int, name string, times float64) string {
	from, to, colour := position(1), position(times), "#3b7dd8"
	if times < 1 {
		from, to, colour = to, from, "#d8763b"
	}
	return fmt.Sprintf(`<text x="%d" y="%d" text-anchor="end">%s</text><rect x="%d" y="%d" width="%d" height="%d" fill="%s"/><text x="%d" y="%d">%s×</text>
`, barLeft-10, y+15, html.EscapeString(name), barLeft+from, y+3, max(to-from, 1), barHeight-6, colour, barLeft+barWidth+10, y+15, short(times))
}
