package command

import "regexp"

// configCommand is the start of a command that changes a configuration, and the flag that follows
// one that names its stack.
var configCommand = regexp.MustCompile(`pulumi config (?:set-all|set|rm)\b( --stack\b)?`)

// OnStack returns a text whose commands that change a configuration name the stack, because the one
// that is selected can be another.
func OnStack(text, stack string) string {
	return configCommand.ReplaceAllStringFunc(text, func(command string) string {
		if configCommand.FindStringSubmatch(command)[1] != "" {
			return command
		}
		return command + " --stack " + Quote(stack)
	})
}
