// Command pause holds namespaces open, and reaps the processes that end in them:
// those of a pod, and those of a lab with real nodes.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	// A lab writes one byte after it has stored this process's number. If the lab is
	// killed before, the pipe ends, and so does this process.
	if len(os.Args) > 1 && os.Args[1] == "-wait" {
		if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
			os.Exit(1)
		}
	}
	for signal := range ended {
		if signal != syscall.SIGCHLD {
			return
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}
