// Command mkbook renders the READMEs as a static site.
//
//	mkbook [-o FOLDER]
//
// It runs at the root of the module and writes to bin/book by default.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"mytinydocker/internal/book"
	"mytinydocker/internal/testbed/chapters"
)

func main() {
	folder := flag.String("o", "bin/book", "folder to write the site to")
	flag.Parse()
	if err := write(*folder); err != nil {
		fmt.Fprintln(os.Stderr, "mkbook:", err)
		os.Exit(1)
	}
}

func write(folder string) error {
	site, err := book.Render(os.DirFS("."), chapters.All)
	if err != nil {
		return err
	}
	if err := site.Write(folder); err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, filepath.Join(folder, "index.html"))
	return nil
}
