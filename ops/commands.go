package main

import "os"

// makeVariable names the environment variable that the Makefile and the lab set: messages
// name their commands then.
const makeVariable = "PICLUSTER_MAKE"

// simulatedVariable names the environment variable that the lab sets if its pods are
// simulated: they receive no trace.
const simulatedVariable = "PICLUSTER_SIMULATED_PODS"

// realPods is how to get a lab whose pods receive traces.
const realPods = "make down, then as root LAB_NODES=real make up"

// labStack is the stack that make starts the lab for.
const labStack = "lab"

// commands has the commands of a stack, in a form that can be pasted.
type commands struct {
	stack string
	make  bool
	// simulated is true if the pods are simulated, so that verify cannot succeed.
	simulated bool
}

func (o *options) commands() commands {
	return commands{o.stack.Name, os.Getenv(makeVariable) != "", os.Getenv(simulatedVariable) != ""}
}

// onLab reports whether the stack is the lab's, whose Pulumi is not the user's own.
func (c commands) onLab() bool { return c.make && c.stack == labStack }

// picluster returns one of picluster's own commands.
func (c commands) picluster(command string) string {
	switch {
	case c.onLab():
		return "make " + command
	case c.make:
		return "make " + command + " STACK=" + c.stack
	}
	return "picluster " + command + " --stack " + c.stack
}

// pulumi returns a command of Pulumi on the stack.
func (c commands) pulumi(command string) string {
	text := "pulumi " + command + " --stack " + c.stack
	if c.onLab() {
		text = "bin/lab run " + text
	}
	return text
}

// down returns the command that removes what up has created.
func (c commands) down() string {
	if c.onLab() {
		return "make down"
	}
	return c.pulumi("destroy")
}
