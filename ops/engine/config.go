package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/picluster/picluster/internal/command"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// Config is a stack's configuration, with its secrets in plain text. Never write it to a file.
type Config struct {
	// Commands are those of the stack, in the cluster that the configuration names.
	Commands command.Names

	project string
	values  auto.ConfigMap
}

// Get returns the value of a key with its namespace, like minio:minioServer; empty
// if it is not set.
func (c Config) Get(key string) string { return c.values[key].Value }

// Own returns the value of a key of the project's own, or def if it is not set.
func (c Config) Own(name, def string) string { return cmp.Or(c.Get(c.project+":"+name), def) }

// kubernetes returns a setting of the Kubernetes provider; empty if it is not set.
func (c Config) kubernetes(name string) string { return c.Get("kubernetes:" + name) }

// ExistingObjectStore returns whether the bucket is on an S3 server that the stack creates
// nothing on.
func (c Config) ExistingObjectStore() bool { return c.Own("objectStore", "minio") == "existing" }

// Config reads the stack's configuration.
func (s *Stack) Config(ctx context.Context) (Config, error) {
	values, err := s.api.GetAllConfigWithOptions(ctx, &auto.GetAllConfigOptions{ConfigFile: s.ConfigFile, ShowSecrets: true})
	if err != nil {
		return Config{}, s.explained(ctx, err)
	}
	config := Config{project: s.Project, values: values}
	config.Commands = command.Of(s.Name).In(config.kubernetes)
	s.commands.Store(&config.Commands)
	return config, nil
}

// Set sets a key of the project's own, by its path, like keyVersion or
// restore["tempo/tempo"]; an empty value removes it.
func (s *Stack) Set(ctx context.Context, path, value string) error {
	options := &auto.ConfigOptions{Path: true, ConfigFile: s.ConfigFile}
	key := s.Project + ":" + path
	if value == "" {
		return s.explained(ctx, s.api.RemoveConfigWithOptions(ctx, key, options))
	}
	return s.explained(ctx, s.api.SetConfigWithOptions(ctx, key, auto.ConfigValue{Value: value}, options))
}

// explained returns an error of the Automation API in Pulumi's own words, without
// what it printed on the way, and with the way out if there is one.
func (s *Stack) explained(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// What it printed is never in the error: of an export that is the whole state, with
	// its secrets.
	first, text, _ := strings.Cut(err.Error(), "\n")
	_, text, _ = strings.Cut(text, "\nstderr: ")
	if text = strings.TrimSpace(text); text == "" {
		return errors.New(first)
	}
	if out := s.wayOut([]string{text}, nil); out != "" {
		text += "\n" + out
	}
	return fmt.Errorf("%s: %s", first, text)
}

// Counters returns a key of the project's own that is a map of numbers.
func (c Config) Counters(name string) (map[string]int, error) {
	counters := map[string]int{}
	if text := c.Own(name, ""); text != "" {
		if err := json.Unmarshal([]byte(text), &counters); err != nil {
			return nil, fmt.Errorf("%s:%s: %w", c.project, name, err)
		}
	}
	return counters, nil
}
