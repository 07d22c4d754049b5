package main

import (
	"os"

	"github.com/picluster/picluster/internal/command"
)

// simulatedVariable names the environment variable that the lab sets if its pods are
// simulated: they receive no trace.
const simulatedVariable = "PICLUSTER_SIMULATED_PODS"

// realPods is how to get a lab whose pods receive traces.
const realPods = "make down, then as root LAB_NODES=real make up"

// simulated reports whether the pods are simulated, so that verify cannot succeed.
func simulated() bool { return os.Getenv(simulatedVariable) != "" }

// commands are those of the stack.
func (o *options) commands() command.Names { return o.stack.Commands() }
