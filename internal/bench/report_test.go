package main

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func measured() []result {
	return []result{{
		Name: "run", What: "`run`", Unit: "ms", Subject: ours, Limits: map[string]float64{"crun": 1, "docker": 0.05},
		Samples: map[string][]float64{ours: {10, 12, 11}, "crun": {10, 10, 10}, "docker": {500, 500, 500}, "bwrap <4>": {5, 5, 5}},
	}, {Name: "monitor", What: "memory", Unit: "kB", Subject: ours, Samples: map[string][]float64{ours: {4000}}}}
}

func TestTableSaysWhatIsMetAndWhatIsNot(t *testing.T) {
	lines := linesOf(measured()[0])

	require.Len(t, lines, 3)
	require.Equal(t, []string{"crun", "docker", "bwrap <4>"}, []string{lines[0].Name, lines[1].Name, lines[2].Name})
	require.Equal(t, []string{"NO", "yes", ""}, []string{lines[0].Met, lines[1].Met, lines[2].Met})
	require.Equal(t, "1.10 (1.05 to 1.15)", lines[0].Ratio)
	require.Equal(t, "nobody else here", linesOf(measured()[1])[0].Name)
	require.Contains(t, markdown(measured()), "| `run` | 11 ms (10 to 12) | crun | 10 ms (10 to 10) | 1.10 (1.05 to 1.15) | 1.00 | NO |\n")
}

func TestSamplesAreWhatBenchstatReads(t *testing.T) {
	text := benchmarkText(measured())

	require.Contains(t, text, "BenchmarkRun/by=tinydocker 1 10000000 ns/op\n")
	require.Contains(t, text, "BenchmarkRun/by=bwrap_<4> 1 5000000 ns/op\n")
	require.Contains(t, text, "BenchmarkMonitor/by=tinydocker 1 4096000 B\n")
}

func TestChartIsADrawing(t *testing.T) {
	decoder := xml.NewDecoder(strings.NewReader(chart(measured())))
	bars := 0
	for token, err := decoder.Token(); token != nil; token, err = decoder.Token() {
		require.NoError(t, err)
		if element, ok := token.(xml.StartElement); ok && element.Name.Local == "rect" {
			bars++
		}
	}
	require.Equal(t, 1+3, bars, "the background, and one for each comparison")
	require.Less(t, position(0.001), position(1))
	require.LessOrEqual(t, position(1e9), barWidth)
}

func TestOnlyWhatIsMeasuredIsReplacedInADocument(t *testing.T) {
	document := "before\n" + measuredBegin + "old\n" + measuredEnd + "after\n"

	text, err := withMeasured(document, "new\n")

	require.NoError(t, err)
	require.Equal(t, "before\n"+measuredBegin+"\nnew\n\n"+measuredEnd+"after\n", text)
	_, err = withMeasured("no such place", "new")
	require.Error(t, err)
}
