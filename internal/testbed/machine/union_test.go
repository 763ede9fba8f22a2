package machine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEitherUnionWillDo(t *testing.T) {
	good, other := Check{Name: "good", OK: true}, Check{Name: "other", OK: true}
	bad, worse := Check{Name: "bad"}, Check{Name: "worse"}

	require.Equal(t, good, either(good, other))
	require.Equal(t, good, either(good, bad))
	require.Equal(t, good, either(bad, good))
	require.Equal(t, bad, either(bad, worse), "what is said to be missing is what most kernels have")
}
