package main

var valueApplets = map[string]applet{}
