package main

var probeApplets = map[string]applet{}
