package main

var shellApplets = map[string]applet{}
