package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// stdin is read by line: a reader of its own for each question would lose the lines
// after the first.
var stdin = bufio.NewReader(os.Stdin)

// confirmed asks a yes-or-no question on the terminal. Without an answer it is no.
func confirmed(question string) bool {
	fmt.Printf("%s [y/N] ", question)
	answer, err := stdin.ReadString('\n')
	if err != nil {
		fmt.Println()
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// onTerminal returns whether standard input is a terminal.
func onTerminal() bool { return term.IsTerminal(int(os.Stdin.Fd())) } // #nosec G115 -- a file descriptor
