package main

var statusApplets = map[string]applet{}
