package main

import (
	"github.com/u-root/u-root/pkg/core"
	"github.com/u-root/u-root/pkg/core/base64"
	"github.com/u-root/u-root/pkg/core/gzip"
	"github.com/u-root/u-root/pkg/core/tar"
	"github.com/u-root/u-root/pkg/core/xargs"
)

var archiveApplets = map[string]applet{
	"tar": of(tar.New), "xargs": of(xargs.New), "base64": of(base64.New),
	"gzip": of(gzipAs("gzip")), "gunzip": of(gzipAs("gunzip")), "zcat": of(gzipAs("gzcat")),
}

func gzipAs(name string) func() core.Command {
	return func() core.Command { return gzip.New(name) }
}
