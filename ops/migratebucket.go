package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7/pkg/s3utils"
	"github.com/picluster/picluster/internal/command"
	"github.com/picluster/picluster/internal/rule"
	"github.com/picluster/picluster/ops/drift"
	"github.com/picluster/picluster/ops/engine"
	"github.com/picluster/picluster/ops/migrate"
	"github.com/picluster/picluster/ops/objectstore"
	"github.com/spf13/cobra"
)

// migrateOptions are the flags of migrate-bucket.
type migrateOptions struct {
	from, to  side
	overwrite bool
}

// side is one of the two buckets.
type side struct {
	name                    string // from or to
	url, secret, ca, region string
}

func withMigrate(c *cobra.Command, o *options) {
	o.migrate.from.name, o.migrate.to.name = "from", "to"
	for s, what := range map[*side]string{&o.migrate.from: "the source", &o.migrate.to: "the target"} {
		c.Flags().StringVar(&s.url, s.name, "", "`URL` of "+what+": https://HOST:PORT/BUCKET (required)")
		c.Flags().StringVar(&s.secret, s.name+"-secret", "", "`NAMESPACE/NAME` of the Secret with its keys (default: the environment)")
		c.Flags().StringVar(&s.ca, s.name+"-ca", "", "`path` of the CA of its certificate, in PEM (default: a CA that the system knows)")
		c.Flags().StringVar(&s.region, s.name+"-region", "", "`region` of it (default: the server is asked)")
	}
	c.Flags().BoolVar(&o.migrate.overwrite, "overwrite", false, "replace objects at the target that differ")
}

// variables are the names of the environment variables with the keys of a side.
func (s side) variables() (accessKey, secretKey string) {
	prefix := "PICLUSTER_" + strings.ToUpper(s.name)
	return prefix + "_ACCESS_KEY", prefix + "_SECRET_KEY"
}

// check returns what is wrong with the flags and the environment of a side.
func (s side) check() (problems []error) {
	if _, _, err := s.parse(); err != nil {
		got := "nothing"
		if s.url != "" {
			got = strconv.Quote(rule.Redact(s.url))
		}
		problems = append(problems, fmt.Errorf("--%s: got %s; want %w. Fix: --%[1]s https://HOST:PORT/BUCKET", s.name, got, err))
	}
	accessKey, secretKey := s.variables()
	switch namespace, name, found := strings.Cut(s.secret, "/"); {
	case s.secret == "" && (os.Getenv(accessKey) == "" || os.Getenv(secretKey) == ""):
		problems = append(problems, fmt.Errorf("%s, %s: got nothing; want the keys of --%s. Fix: export %[1]s=KEY %[2]s=KEY; or --%[3]s-secret NAMESPACE/NAME", accessKey, secretKey, s.name))
	case s.secret != "" && (!found || namespace == "" || name == "" || strings.Contains(name, "/")):
		problems = append(problems, fmt.Errorf("--%s-secret: got %q; want a namespace and a Secret. Fix: --%[1]s-secret NAMESPACE/NAME", s.name, s.secret))
	}
	return problems
}

// parse returns the server and the bucket of the URL.
func (s side) parse() (server objectstore.Server, bucket string, err error) {
	if err := rule.ValidateURL(s.url); err != nil {
		return server, "", err
	}
	u, _ := url.Parse(s.url) // it is valid
	if bucket = strings.Trim(u.Path, "/"); u.RawQuery != "" || u.Fragment != "" || s3utils.CheckValidBucketName(bucket) != nil {
		return server, "", errors.New("a URL with a bucket as its path")
	}
	return objectstore.Server{Endpoint: u.Host, Region: s.region, Insecure: u.Scheme == "http", CAFile: s.ca}, bucket, nil
}

func (m migrateOptions) check() error {
	problems := append(m.from.check(), m.to.check()...)
	if len(problems) == 0 && strings.TrimRight(m.from.url, "/") == strings.TrimRight(m.to.url, "/") {
		problems = append(problems, fmt.Errorf("--to: got %q; want another bucket than --from. Fix: --to https://HOST:PORT/BUCKET", m.to.url))
	}
	return errors.Join(problems...)
}

// open returns the bucket of a side, with its keys.
func (s side) open(ctx context.Context, cluster secrets, fields engine.SecretFields, commands command.Names) (migrate.S3, error) {
	server, bucket, err := s.parse()
	if err != nil {
		return migrate.S3{}, err
	}
	accessKey, secretKey := s.variables()
	keys := objectstore.Keys{AccessKey: os.Getenv(accessKey), SecretKey: os.Getenv(secretKey)}
	if namespace, name, found := strings.Cut(s.secret, "/"); found {
		if keys, err = (place{namespace: namespace, secret: name, bucket: bucket, commands: commands}).keys(ctx, cluster, fields); err != nil {
			return migrate.S3{}, err
		}
	}
	store, err := objectstore.NewS3(server)
	if err != nil {
		return migrate.S3{}, fmt.Errorf("--%s: %w", s.name, err)
	}
	client, err := store.Client(keys)
	return migrate.S3{Client: client, Name: bucket}, err
}

// migrateBucket copies a bucket's objects to another server.
func migrateBucket(ctx context.Context, o *options) error {
	if err := o.migrate.check(); err != nil {
		return untouched(err)
	}
	config, err := o.stack.Config(ctx)
	if err != nil {
		return untouched(err)
	}
	var cluster secrets
	if o.migrate.from.secret != "" || o.migrate.to.secret != "" {
		if cluster, err = drift.ClusterOf(ctx, config); err != nil {
			return untouched(err)
		}
	}
	from, err := o.migrate.from.open(ctx, cluster, secretFields(config), config.Commands)
	if err != nil {
		return untouched(err)
	}
	to, err := o.migrate.to.open(ctx, cluster, secretFields(config), config.Commands)
	if err != nil {
		return untouched(err)
	}
	m := &migrate.Migration{From: from, To: to, Replace: o.migrate.overwrite, Progress: os.Stderr}
	plan, err := m.Plan(ctx)
	if err != nil {
		return untouched(err)
	}
	o.migrate.show(os.Stdout, plan)
	if copied := o.migrate.copied(plan); copied.Objects > 0 {
		fmt.Print(beforeMigration(config))
		if !o.yes && !confirmed(fmt.Sprintf("Copy %s?", copied)) {
			return untouched(errors.New("not confirmed"))
		}
	}
	result, err := m.Run(ctx, plan)
	fmt.Printf("copied: %s\n", result.Copied)
	if err != nil {
		return fmt.Errorf("%w. What was copied is complete. Fix: run the same command again, which continues", err)
	}
	if err := o.migrate.report(plan, result); err != nil {
		return err
	}
	fmt.Print(o.migrate.afterMigration(config))
	return nil
}

// copied is what a run copies of a plan.
func (m migrateOptions) copied(plan *migrate.Plan) migrate.Count {
	objects := plan.Copy
	if m.overwrite {
		objects = slices.Concat(objects, plan.Differ)
	}
	return migrate.Sum(objects)
}

// mostShown is how many objects a list shows.
const mostShown = 20

// show prints what a plan has.
func (m migrateOptions) show(w io.Writer, plan *migrate.Plan) {
	fmt.Fprintf(w, "from:      %s (%s)\nto:        %s\n", m.from.url, plan.Total, m.to.url)
	fmt.Fprintf(w, "there:     %s\nto copy:   %s\n", plan.Same, migrate.Sum(plan.Copy))
	what := "differ, and stay as they are at the target"
	if m.overwrite {
		what = "differ, and are replaced at the target (--overwrite)"
	}
	list(w, what, plan.Differ)
	list(w, "are lists that Tempo writes again, and stay as they are at the target", plan.Kept)
}

func list(w io.Writer, what string, objects []migrate.Object) {
	if len(objects) == 0 {
		return
	}
	fmt.Fprintf(w, "%d objects %s:\n", len(objects), what)
	for _, object := range objects[:min(len(objects), mostShown)] {
		fmt.Fprintf(w, "  %q, %d bytes\n", object.Key, object.Size)
	}
	if more := len(objects) - mostShown; more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
}

// report returns an error with what the target does not have as the source has it.
func (m migrateOptions) report(plan *migrate.Plan, result *migrate.Result) error {
	for _, key := range result.Gone {
		fmt.Printf("deleted at the source meanwhile: %q\n", key)
	}
	var problems []error
	keys := slices.Sorted(maps.Keys(result.Failed))
	for _, key := range keys[:min(len(keys), mostShown)] {
		problems = append(problems, fmt.Errorf("%q: %w", key, result.Failed[key]))
	}
	if left := m.copied(plan).Objects - result.Copied.Objects - len(result.Gone); left > 0 {
		problems = append(problems, fmt.Errorf("%d of %d objects were not copied. Fix: run the same command again, which continues", left, plan.Total.Objects))
	}
	if len(plan.Differ) > 0 && !m.overwrite {
		problems = append(problems, fmt.Errorf("%d of %d objects differ at the target, and were not replaced. Fix: --overwrite, if the source is right", len(plan.Differ), plan.Total.Objects))
	}
	return errors.Join(problems...)
}

// beforeMigration returns the commands that stop compaction, because a compactor replaces blocks
// while they are copied.
func beforeMigration(config engine.Config) string {
	return fmt.Sprintf("Before: stop compaction, which deletes and writes blocks meanwhile:\n  pulumi config set --stack %s --path %s true; %s\n",
		config.Commands.Stack, compactionDisabled(config), config.Commands.Picluster("up"))
}

// compactionDisabled returns the path of the configuration that stops compaction and the
// deletion of old blocks. The compactor goes on to write the list of blocks, without which
// queriers do not find new ones. Source: tempodb/compactor.go and retention.go of Tempo 2.9 and
// 2.10.
func compactionDisabled(config engine.Config) string {
	const path = "overrides.defaults.compaction.compaction_disabled"
	if config.Own("mode", "") == "monolithic" {
		return "values.tempo." + path
	}
	return "values." + path
}

// afterMigration returns the commands that switch the stack to the target.
func (m migrateOptions) afterMigration(config engine.Config) string {
	stack, up := config.Commands.Stack, config.Commands.Picluster("up")
	server, bucket, _ := m.to.parse() // it was parsed
	text := "The target has every object of the source. After:\n"
	step := func(what, command string) { text += fmt.Sprintf("  %-42s %s\n", what+":", command) }
	start := fmt.Sprintf("pulumi config rm --stack %s --path %s; %s", stack, compactionDisabled(config), up)
	if server.Endpoint == config.Own("s3Endpoint", "") && bucket == config.Own("bucket", "k3s-tempo") {
		step("verify", config.Commands.Picluster("verify"))
		step("start compaction again", start)
		return text
	}
	if !config.ExistingObjectStore() {
		step("let the bucket leave the stack", fmt.Sprintf("pulumi config set-all --stack %s --plaintext protectBucket=false --plaintext retainBucket=true --plaintext forceDestroy=false; %s", stack, up))
	}
	what, of := "switch", " --plaintext bucket="+bucket
	if config.Own("tenants", "[]") != "[]" { // each has a bucket of its own
		what, of = "switch, once all tenants are copied", ""
	}
	step(what, fmt.Sprintf("pulumi config set-all --stack %s --plaintext objectStore=existing --plaintext credentials=existing --plaintext keyVersion=1 --plaintext secretName=NAME --plaintext s3Endpoint=%s --plaintext s3Insecure=%t%s; %s",
		stack, server.Endpoint, server.Insecure, of, up))
	step("copy what was written until the switch", "the same command again")
	step("verify", config.Commands.Picluster("verify"))
	step("start compaction again", start)
	return text
}
