package main

var archiveApplets = map[string]applet{}
