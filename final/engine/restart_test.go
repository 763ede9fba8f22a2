package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRestartPoliciesAreParsed(t *testing.T) {
	for text, want := range map[string]Restart{
		"no": {Policy: "no"}, "always": {Policy: "always"}, "unless-stopped": {Policy: "unless-stopped"},
		"on-failure": {Policy: "on-failure"}, "on-failure:3": {Policy: "on-failure", Max: 3},
	} {
		got, err := ParseRestart(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "sometimes", "always:3", "no:1", "on-failure:", "on-failure:x", "on-failure:-1"} {
		_, err := ParseRestart(text)
		require.Error(t, err, text)
	}
}

func TestRestartPoliciesDecide(t *testing.T) {
	failed, succeeded := &Exit{Status: 1}, &Exit{}
	require.False(t, Restart{Policy: "no"}.again(failed, 0))
	require.True(t, Restart{Policy: "always"}.again(succeeded, 1000))
	require.True(t, Restart{Policy: "unless-stopped"}.again(succeeded, 0))
	require.False(t, Restart{Policy: "on-failure"}.again(succeeded, 0))
	require.True(t, Restart{Policy: "on-failure"}.again(failed, 1000))
	require.True(t, Restart{Policy: "on-failure", Max: 3}.again(failed, 2))
	require.False(t, Restart{Policy: "on-failure", Max: 3}.again(failed, 3))
}

func TestPausesGrowToAMinute(t *testing.T) {
	pause := time.Duration(0)
	var pauses []time.Duration
	for range 12 {
		pause = pauseAfter(pause, time.Second)
		pauses = append(pauses, pause)
	}
	require.Equal(t, []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond}, pauses[:3])
	require.Equal(t, time.Minute, pauses[11])
	require.Equal(t, 100*time.Millisecond, pauseAfter(time.Minute, 11*time.Second))
}

// Somebody stops a container while it is being started again: what cannot be started then
// is no failure, and it has ended as it did before.
func TestContainerStoppedBetweenTwoRunsHasEndedAsItDid(t *testing.T) {
	engine := newEngine(t)
	record := kept(t, engine, "restless")
	w := &watcher{engine: engine, record: record}
	last := &Exit{Status: 3, Finished: time.Now().UTC()}
	require.False(t, w.stoppedAfter(last), "nobody has stopped it")
	_, err := engine.intendStop(record.ID)
	require.NoError(t, err)
	require.False(t, w.stoppedAfter(nil), "it has not run")

	require.True(t, w.stoppedAfter(last))

	now, err := engine.readRecord(record.ID)
	require.NoError(t, err)
	require.Equal(t, 3, now.Exit.Status)
}

// Between two runs a container is not one that has never run.
func TestContainerThatIsStartedAgainIsRestarting(t *testing.T) {
	engine := newEngine(t)
	record := kept(t, engine, "restless")
	held, err := engine.lockContainer(record.ID)
	require.NoError(t, err)
	defer held.release()
	for count, want := range map[int]Status{0: Created, 1: Restarting} {
		_, err := engine.updateRecord(record.ID, func(record *Record) error {
			record.Started, record.RestartCount, record.Exit = time.Now().UTC(), count, nil
			return nil
		})
		require.NoError(t, err)

		container, err := engine.Get("restless")

		require.NoError(t, err)
		require.Equal(t, want, container.Status)
	}
}
