package main

import (
	"context"
	"os"
	"runtime/debug"
	"time"

	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/verify"
	"github.com/spf13/cobra"
)

// configFileVariable names the environment variable for the default of
// --config-file.
const configFileVariable = "PICLUSTER_CONFIG_FILE"

// options are the flags of the commands.
type options struct {
	stackName, configFile string
	yes                   bool
	summary               string
	lockTimeout           time.Duration
	otherCluster          bool
	only                  []int
	enableUser            bool
	raisesKeyVersion      bool // the command itself sets a key version that fits
	verify                verifyOptions
	migrate               migrateOptions

	stack   *engine.Stack
	config  engine.Config  // as it was read last
	outcome engine.Outcome // of the last up
}

// newCommand returns picluster with its subcommands.
func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "picluster",
		Short:         "Run stacks of picluster: preview, bring up, verify, find drift, repair, rotate, migrate",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	add := func(name, short, long string, run func(context.Context, *options) error, flags ...func(*cobra.Command, *options)) {
		o := &options{}
		c := &cobra.Command{
			Use: name, Short: short, Long: short + ".\n\n" + long, Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) (err error) {
				if o.stack, err = engine.Open(c.Context(), o.stackName, o.configFile); err != nil {
					return err
				}
				return onStack(run(c.Context(), o), o.stackName)
			},
		}
		c.Flags().StringVarP(&o.stackName, "stack", "s", "", "`name` of the stack (required)")
		c.Flags().StringVar(&o.configFile, "config-file", os.Getenv(configFileVariable), "`path` of its configuration (default: Pulumi.STACK.yaml)")
		_ = c.MarkFlagRequired("stack") // fails only for a flag that is not there
		for _, flag := range flags {
			flag(c, o)
		}
		root.AddCommand(c)
	}

	add("preview", "Show what up would change",
		"With --summary it also writes a summary in Markdown, with the Kubernetes objects that Helm would render. It changes nothing.\n"+
			"With objectStore existing it tries the keys: it writes, reads and deletes an object of a name of its own in the bucket.",
		preview, withSummary)
	add("up", "Show what has drifted, then run pulumi up",
		"It looks whether MinIO and Kubernetes are reachable, whether it is the cluster of this stack, and what has drifted;\nit says what of that this up restores. It writes nothing itself,\nbut for an object that it deletes again, by which it tries the keys of objectStore existing.\nIt asks before it changes a release whose ingesters lose traces when they end.\nWith --verify it then runs verify.\n"+
			"Exits with 3 if another update has the stack locked, also after --lock-timeout: nothing was deployed then.",
		upThenVerify, withYes, withLock, withOtherCluster, withVerifyAfterUp)
	add("verify", "Check that a trace goes in and comes out",
		"It sends one trace by each OTLP receiver that is on. It reads the trace back by its id, by a TraceQL search, as a rate, and\n"+
			"through the data source of Grafana. It looks whether every pod is Ready, and whether the key in the Secret opens the\n"+
			"bucket. It reads pods, their logs, Services and Secrets. It writes nothing but these traces, of the service\n"+
			"picluster-verify. It reaches the cluster's ports through the Kubernetes API. Exits with 0 if no step has failed, otherwise with 1.\n"+
			"The environment variable "+grafanaTokenVariable+" has the token of a service account of Grafana.",
		verifyStack, withVerify)
	add("refresh", "Accept into the state what was changed outside Pulumi",
		"It looks whether MinIO and Kubernetes are reachable, then runs pulumi refresh.",
		refresh, withYes, withLock)
	add("repair", "Restore what has drifted",
		"It numbers what has drifted, shows what is there and what will be written, and asks for each kind.\nObjects are restored by Pulumi; users, policies and the bucket's policy in MinIO, and objects that Helm cannot merge, directly.",
		repair, withYes, withLock, withRepair)
	add("adopt", "Import into the stack what it would create and exists already",
		"Nothing is changed by that but the state. It prints how ingesters that would lose traces keep them.",
		adoptExisting, withYes)
	add("rotate", "Generate a new access key and secret key, and revoke the previous ones",
		"It raises keyVersion and runs up. Both keys work until the last pod that has the previous one has ended.",
		rotate, withYes, withLock)
	add("migrate-bucket", "Copy a bucket's objects to another S3 server",
		"It shows from where to where, how many objects and bytes, and asks. It skips what the target has, so that a run that was\n"+
			"interrupted continues. It deletes nothing, and replaces nothing at the target without --overwrite.\n"+
			"The environment variables PICLUSTER_FROM_ACCESS_KEY, PICLUSTER_FROM_SECRET_KEY, PICLUSTER_TO_ACCESS_KEY and\n"+
			"PICLUSTER_TO_SECRET_KEY have the keys, or a Secret of the stack's cluster has them.",
		migrateBucket, withYes, withMigrate)
	add("destroy", "Delete what the stack has created",
		"It looks whether it is the cluster of this stack, then runs pulumi destroy. The bucket stays unless the configuration says otherwise.",
		destroy, withYes, withLock)
	add("drift", "Find what was changed outside Pulumi",
		"Exits with 0 if nothing was, 2 if something was, 1 if it could not look. It changes nothing but the state's lock, for as long as it looks.",
		findDrift, withSummary, withLock)

	root.AddCommand(&cobra.Command{
		Use: "version", Short: "Print the version of picluster", Args: cobra.NoArgs,
		Run: func(c *cobra.Command, _ []string) { c.Println(version()) },
	})
	root.SetOut(os.Stdout)
	return root
}

// stackError is an error of a command on a stack.
type stackError struct {
	error
	stack string
}

// Error has the stack's name in the commands that change its configuration.
func (e stackError) Error() string { return command.OnStack(e.error.Error(), e.stack) }

func (e stackError) Unwrap() error { return e.error }

// onStack returns an error of a command on a stack, or nil.
func onStack(err error, stack string) error {
	if err == nil {
		return nil
	}
	return stackError{err, stack}
}

func withYes(c *cobra.Command, o *options) {
	c.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
}

func withSummary(c *cobra.Command, o *options) {
	c.Flags().StringVar(&o.summary, "summary", "", "`path` to write the result to, in Markdown")
}

func withLock(c *cobra.Command, o *options) {
	c.Flags().DurationVar(&o.lockTimeout, "lock-timeout", 0, "how long to wait while another update has the stack locked")
}

func withOtherCluster(c *cobra.Command, o *options) {
	c.Flags().BoolVar(&o.otherCluster, "other-cluster", false, "accept that this is another cluster than the one of the last up, which was rebuilt on purpose")
}

func withRepair(c *cobra.Command, o *options) {
	c.Flags().IntSliceVar(&o.only, "only", nil, "`numbers` of what to restore, like 2,5 (default: ask for each kind)")
	c.Flags().BoolVar(&o.enableUser, "enable-user", false, "enable a user that was disabled")
}

func withVerifyAfterUp(c *cobra.Command, o *options) {
	c.Flags().BoolVar(&o.verify.afterUp, "verify", false, "check afterwards that a trace goes in and comes out")
}

func withVerify(c *cobra.Command, o *options) {
	c.Flags().DurationVar(&o.verify.wait, "wait", 0, "how long to wait for a block in the bucket (default: not at all)")
	c.Flags().DurationVar(&o.verify.timeout, "timeout", verify.DefaultTimeout, "how long each other step waits for its result")
	c.Flags().StringVar(&o.verify.grafana, "grafana", "", "`URL` of Grafana (default: the one that the stack installs, if it does)")
	c.Flags().BoolVar(&o.verify.json, "json", false, "print the result as JSON")
}

// released is the version of a release, such as v1.2.3. The linker sets it, because Go knows
// the tags of the module ops alone.
var released string

// version returns the version of the release; in a build of a checkout, what Go says of the
// commit.
func version() string {
	if released != "" {
		return released
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return "devel"
}
