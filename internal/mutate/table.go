package main

// table has the mutants of each chapter, in the chapters' order. Each is a mistake
// that somebody has made, or could: a flag that is forgotten, an error that is ignored,
// an undo that is missing.
var table = [][]Mutant{chapter1, chapter2, chapter3, chapter4, chapter5, chapter6}
