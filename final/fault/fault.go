// Package fault is what everybody who checks something has to say.
package fault

// Fault is something that is not as it should be.
type Fault struct {
	What string // it is, and which object it concerns
	// Repair mends it, and loses nothing that somebody has given a name. It is nil
	// for what only its owner can decide.
	Repair func() error
}

// CanRepair reports whether Repair knows what to do.
func (f Fault) CanRepair() bool { return f.Repair != nil }
