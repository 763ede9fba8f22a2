package main

var textApplets = map[string]applet{}
