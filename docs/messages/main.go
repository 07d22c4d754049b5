// Command messages prints every message of the program and its commands as Markdown, each
// after its file and line, for `make prose`. A message is a string of several words.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "messages:", err)
		os.Exit(1)
	}
}

// run prints the messages of the checkout in the current directory: of its Go files, and the
// comments that make help prints.
func run() error {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		return err
	}
	for i, line := range strings.Split(string(makefile), "\n") {
		if match := target.FindStringSubmatch(line); match != nil {
			show(fmt.Sprintf("Makefile:%d", i+1), match[1])
		}
	}
	return filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); name == "testdata" || name == "tests" || name == "bench" || len(name) > 1 && strings.HasPrefix(name, ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.ImportSpec, *ast.Field:
				_, isField := node.(*ast.Field)
				return isField && node.(*ast.Field).Tag == nil
			case *ast.BinaryExpr:
				if text := join(node); text != "" {
					show(files.Position(node.Pos()).String(), text)
					return false
				}
			case *ast.BasicLit:
				if text := join(node); text != "" {
					show(files.Position(node.Pos()).String(), text)
				}
			}
			return true
		})
		return nil
	})
}

// join returns the text of a string literal, or of operands with a plus between them. An operand
// that is not a literal is X.
func join(node ast.Expr) string {
	switch node := node.(type) {
	case *ast.BasicLit:
		if node.Kind == token.STRING {
			text, _ := strconv.Unquote(node.Value)
			return text
		}
	case *ast.BinaryExpr:
		if left, right := join(node.X), join(node.Y); node.Op == token.ADD && left+right != "" {
			if left == "" {
				left = "X"
			}
			if right == "" {
				right = "X"
			}
			return left + right
		}
	}
	return ""
}

var (
	// command is a command in a message, up to the next part of the sentence.
	command = regexp.MustCompile(`\b(?:pulumi|picluster|kubectl|helm|make|mc) [^;\n(]*`)
	// target is a target with its help.
	target = regexp.MustCompile(`^[a-z][a-z0-9-]*:.* # (.*)$`)
	verb   = regexp.MustCompile(`%(?:\[\d+\])?[a-z]`)
	code   = regexp.MustCompile(`(?m)^\s|[{}<>$]|^#!`)
)

// show prints a text if it has several words, and is no script, YAML or template.
func show(position, text string) {
	if strings.Count(text, " ") < 2 || code.MatchString(text) {
		return
	}
	text = verb.ReplaceAllString(text, "X")
	text = command.ReplaceAllString(text, "`$0`")
	fmt.Printf("`%s`\n\n%s\n\n", position, strings.Join(strings.Fields(text), " "))
}
