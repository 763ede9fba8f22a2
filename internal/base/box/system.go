package main

var systemApplets = map[string]applet{}
