package main

var fileApplets = map[string]applet{}
