// Package museum holds the known ways out of a container, one short test for each: what
// was possible in which runtime, what the test tries from inside, and what stops it in
// tinydocker. README.md is the catalogue.
//
// An exhibit uses benign markers, in folders and namespaces of the test's own.
package museum
