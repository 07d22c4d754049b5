package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// TestMain is Pulumi if the test binary is called by that name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "pulumi" {
		os.Exit(pulumi(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// scenarioVariable names the directory of a scenario: a file COMMAND.json with the
// runs of each command, and the file arguments with the arguments of each run.
const scenarioVariable = "PICLUSTER_TEST_SCENARIO"

// run is what Pulumi does once it is called.
type run struct {
	Stdout, Stderr string
	// Events are written to the event log.
	Events []apitype.EngineEvent
	// NotConnected ends it before it opens the event log.
	NotConnected bool
	// Hangs has it wait for an interrupt or the file end before it ends. Ignores has it
	// wait on after an interrupt.
	Hangs, Ignores bool
	Code           int
}

// scenario has the runs of each command, by the words before its first flag. The last
// one repeats.
type scenario map[string][]run

// use puts a Pulumi on PATH that does as s says, and returns the stack of a project
// in a directory of its own. arguments returns those of each run.
func (s scenario) use(t *testing.T) (stack *Stack, arguments func() []string) {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, filepath.Join(dir, "pulumi")))
	for command, runs := range s {
		text, err := json.Marshal(runs)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, command+".json"), text, 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte("name: p\nruntime: go\n"), 0o600))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv(scenarioVariable, dir)
	t.Chdir(dir)
	stack, err = Open(t.Context(), "s", "")
	require.NoError(t, err)
	return stack, func() []string {
		text, err := os.ReadFile(filepath.Join(dir, "arguments"))
		if os.IsNotExist(err) {
			return nil
		}
		require.NoError(t, err)
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
}

// pulumi is Pulumi: it does what the scenario says, and returns its exit code.
func pulumi(args []string) int {
	if args[0] == "version" {
		fmt.Println("v3.216.0")
		return 0
	}
	dir := os.Getenv(scenarioVariable)
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "the test's Pulumi:", err)
		return 99
	}
	words := args
	if flag := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") }); flag >= 0 {
		words = args[:flag]
	}
	if len(words) > 2 {
		words = words[:2] // the rest are keys
	}
	command := strings.Join(words, " ")

	log := ""
	shown := slices.Clone(args)
	for i, arg := range args {
		switch {
		case arg == "--event-log":
			log, shown[i+1] = args[i+1], "LOG"
		case arg == "--file":
			text, err := os.ReadFile(args[i+1])
			if err != nil {
				return fail(err)
			}
			shown[i+1] = string(text)
		}
	}
	compiles := os.Getenv("CGO_ENABLED") + " " + os.Getenv("GOFLAGS")
	if err := os.WriteFile(filepath.Join(dir, "compiles"), []byte(compiles), 0o600); err != nil {
		return fail(err)
	}
	calls, err := count(dir, command, strings.Join(shown, " "))
	if err != nil {
		return fail(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, command+".json"))
	if err != nil {
		return fail(err)
	}
	var runs []run
	if err := json.Unmarshal(text, &runs); err != nil {
		return fail(err)
	}
	r := runs[min(calls, len(runs))-1]

	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	fmt.Print(r.Stdout)
	fmt.Fprint(os.Stderr, r.Stderr)
	if log != "" && !r.NotConnected {
		if err := write(log, r.Events); err != nil {
			return fail(err)
		}
	}
	if r.Hangs {
		if err := os.WriteFile(filepath.Join(dir, "hangs"), nil, 0o600); err != nil {
			return fail(err)
		}
		poll := time.NewTicker(10 * time.Millisecond)
		for tries := 0; tries < 6000; tries++ {
			select {
			case <-interrupts:
				if err := os.WriteFile(filepath.Join(dir, "interrupted"), nil, 0o600); err != nil {
					return fail(err)
				}
				if !r.Ignores {
					return r.Code
				}
			case <-poll.C:
				if _, err := os.Stat(filepath.Join(dir, "end")); err == nil {
					return r.Code
				}
			}
		}
	}
	return r.Code
}

// count appends the arguments of a call, and returns how many calls of its command
// there were.
func count(dir, command, arguments string) (int, error) {
	path := filepath.Join(dir, "arguments")
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Fprintln(file, arguments); err != nil {
		return 0, err
	}
	if err := file.Close(); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	calls := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, command+" ") {
			calls++
		}
	}
	return calls, nil
}

// write writes events to an event log: a file, or a server at tcp://HOST:PORT.
func write(log string, events []apitype.EngineEvent) error {
	var lines []string
	for _, event := range events {
		text, err := json.Marshal(event)
		if err != nil {
			return err
		}
		lines = append(lines, string(text))
	}
	address, err := url.Parse(log)
	if err != nil || address.Scheme != "tcp" {
		return os.WriteFile(log, []byte(strings.Join(lines, "\n")), 0o600)
	}
	connection, err := grpc.NewClient(address.Host, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	stream, err := pulumirpc.NewEventsClient(connection).StreamEvents(context.Background())
	if err != nil {
		return err
	}
	for _, line := range lines {
		if err := stream.Send(&pulumirpc.EventRequest{Event: line}); err != nil {
			return err
		}
	}
	_, err = stream.CloseAndRecv()
	return err
}
