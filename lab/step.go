package lab

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// eraseLine takes a terminal's cursor to the start of a line that is empty then.
const eraseLine = "\r\x1b[K"

// step does what takes long. It says on log what that is, on a terminal for how
// long already, and in the end how long it took.
func step(log io.Writer, what string, do func() error) error {
	line, width := "lab: "+what+" ...", terminalWidth(log)
	fmt.Fprint(log, cut(line, width))
	start := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- do() }()

	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case err := <-ended:
			if width > 0 {
				fmt.Fprint(log, eraseLine, line)
			}
			if err != nil {
				fmt.Fprint(log, " failed after")
			}
			fmt.Fprintf(log, " %s\n", elapsed(time.Since(start)))
			return err
		case <-second.C:
			if width > 0 {
				took := " " + elapsed(time.Since(start))
				fmt.Fprint(log, eraseLine, cut(line, width-len(took)), took)
			}
		}
	}
}

// terminalWidth is the width, in columns, of the terminal that log is; 0 if it is
// none.
func terminalWidth(log io.Writer) int {
	file, ok := log.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd())) // #nosec G115 -- a file descriptor
	if err != nil {
		return 0
	}
	return width
}

// cut shortens a line so that a terminal does not break it, which could not be
// erased; a width of 0 or less leaves it whole.
func cut(line string, width int) string {
	if width <= 0 || len(line) < width {
		return line
	}
	return line[:width-1]
}

func elapsed(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
}
