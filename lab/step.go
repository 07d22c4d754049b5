package lab

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// eraseLine moves a terminal's cursor to the start of its line, and empties the line.
const eraseLine = "\r\x1b[K"

// step calls do. It writes to log what is done, on a terminal for how long so far, and at the end
// how long it took.
func step(log io.Writer, what string, do func() error) error {
	return notedStep(log, what, func() (string, error) { return "", do() })
}

// notedStep is step for a do whose note is written at the end.
func notedStep(log io.Writer, what string, do func() (note string, err error)) error {
	line, width := "lab: "+what+" ...", terminalWidth(log)
	fmt.Fprint(log, cut(line, width))
	start := time.Now()
	var note string
	ended := make(chan error, 1)
	go func() {
		var err error
		note, err = do()
		ended <- err
	}()

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
			fmt.Fprintf(log, " %s%s\n", elapsed(time.Since(start)), note)
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

// cut shortens a line to less than width, because a line that the terminal wraps cannot be
// erased. A width of 0 or less leaves the line whole.
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
