package main

var networkApplets = map[string]applet{}
