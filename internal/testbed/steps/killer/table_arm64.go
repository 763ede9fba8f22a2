package main

// quietHere and inwardHere are those that only this architecture has.
var quietHere, inwardHere []uint64

// namesHere and argumentsHere are of steps that only this architecture has.
var namesHere, argumentsHere map[uint64]string
