package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/docker/go-units"
	"golang.org/x/term"

	"mytinydocker/final/image"
)

// progress draws how a transfer goes, if there is somebody to look at it, until done
// is called. In a pipe there is nobody.
func (a *app) progress(quiet bool) (progress image.Progress, done func()) {
	file, ok := a.stderr.(*os.File)
	if quiet || !ok || !term.IsTerminal(int(file.Fd())) {
		return nil, func() {}
	}
	bars := &bars{out: file, width: func() int {
		width, _, err := term.GetSize(int(file.Fd()))
		if err != nil {
			return 80
		}
		return width
	}}
	return bars.hear, bars.end
}

// bars are lines of a terminal, one for each thing that is transferred, that are
// drawn over again.
type bars struct {
	mutex sync.Mutex
	out   io.Writer
	width func() int
	lines []image.Event
	drawn int // lines on the terminal
	last  time.Time
}

// often is how long a drawing stays at least: eyes are slow.
const often = 50 * time.Millisecond

func (b *bars) hear(event image.Event) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	known := false
	for index := range b.lines {
		if b.lines[index].ID == event.ID {
			known = true
			if b.lines[index].Action != event.Action {
				b.last = time.Time{}
			}
			b.lines[index] = event
		}
	}
	if !known {
		b.lines = append(b.lines, event)
	}
	if time.Since(b.last) >= often {
		b.draw()
	}
}

func (b *bars) end() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.draw()
}

// draw goes up to the first line (CSI A), and writes each anew (CSI K, console_codes(4)).
func (b *bars) draw() {
	var text strings.Builder
	if b.drawn > 0 {
		fmt.Fprintf(&text, "\x1b[%dA", b.drawn)
	}
	width := b.width()
	for _, event := range b.lines {
		fmt.Fprintf(&text, "\r%s\x1b[K\n", truncate(barOf(event, width), width-1))
	}
	b.drawn, b.last = len(b.lines), time.Now()
	_, _ = io.WriteString(b.out, text.String()) // who does not want to see it is not told
}

// barOf is an event on one line.
func barOf(event image.Event, width int) string {
	start := fmt.Sprintf("%s: %s", event.ID, event.Action)
	if event.Total <= 0 || event.Action != "Downloading" && event.Action != "Pushing" {
		return start
	}
	sizes := fmt.Sprintf("%s/%s", units.HumanSizeWithPrecision(float64(event.Current), 3), units.HumanSizeWithPrecision(float64(event.Total), 3))
	room := min(50, width-len(start)-len(sizes)-6)
	if room < 10 {
		return start + " " + sizes
	}
	full := int(int64(room) * min(event.Current, event.Total) / event.Total)
	return fmt.Sprintf("%s [%s%s] %s", start, strings.Repeat("=", full), strings.Repeat(" ", room-full), sizes)
}
