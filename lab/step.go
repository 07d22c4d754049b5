package lab

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// step does what takes long. It says on log what that is, on a terminal for how
// long already, and in the end how long it took.
func step(log io.Writer, what string, do func() error) error {
	fmt.Fprintf(log, "lab: %s ...", what)
	start := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- do() }()

	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case err := <-ended:
			failed := ""
			if err != nil {
				failed = " failed after"
			}
			fmt.Fprintf(log, "%s%s %s\n", again(log, what), failed, elapsed(time.Since(start)))
			return err
		case <-second.C:
			if line := again(log, what); line != "" {
				fmt.Fprintf(log, "%s %s", line, elapsed(time.Since(start)))
			}
		}
	}
}

// again writes a step's line over itself, which a terminal alone can do.
func again(log io.Writer, what string) string {
	if file, ok := log.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) { // #nosec G115 -- a file descriptor
		return ""
	}
	const eraseLine = "\r\x1b[K"
	return eraseLine + "lab: " + what + " ..."
}

func elapsed(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
}
