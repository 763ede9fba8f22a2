package main

var processApplets = map[string]applet{}
