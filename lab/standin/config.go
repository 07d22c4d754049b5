package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// config is what the stand-in reads of Tempo's configuration.
type config struct {
	MultiTenancy bool `json:"multitenancy_enabled"`
	Server       struct {
		HTTPAddress string `json:"http_listen_address"`
		HTTPPort    int    `json:"http_listen_port"`
		GRPCAddress string `json:"grpc_listen_address"`
		GRPCPort    int    `json:"grpc_listen_port"`
	} `json:"server"`
	Memberlist struct {
		Join        []string `json:"join_members"`
		BindAddress []string `json:"bind_addr"`
		BindPort    int      `json:"bind_port"`
	} `json:"memberlist"`
	Distributor struct {
		Receivers map[string]receiver `json:"receivers"`
		LogSpans  struct {
			Enabled    bool `json:"enabled"`
			ErrorsOnly bool `json:"filter_by_status_error"`
		} `json:"log_received_spans"`
	} `json:"distributor"`
	Ingester struct {
		Lifecycler struct {
			Ring struct {
				ReplicationFactor int `json:"replication_factor"`
			} `json:"ring"`
		} `json:"lifecycler"`
		TraceIdle        duration `json:"trace_idle_period"`
		FlushCheck       duration `json:"flush_check_period"`
		MaxBlockDuration duration `json:"max_block_duration"`
		FlushOnShutdown  bool     `json:"flush_all_on_shutdown"`
	} `json:"ingester"`
	Querier struct {
		Worker struct {
			FrontendAddress string `json:"frontend_address"`
		} `json:"frontend_worker"`
	} `json:"querier"`
	Generator *struct {
		Processor struct {
			LocalBlocks struct {
				FlushToStorage   bool     `json:"flush_to_storage"`
				MaxBlockDuration duration `json:"max_block_duration"`
			} `json:"local_blocks"`
		} `json:"processor"`
	} `json:"metrics_generator"`
	Overrides struct {
		Defaults struct {
			Generator struct {
				Processors []string `json:"processors"`
			} `json:"metrics_generator"`
		} `json:"defaults"`
	} `json:"overrides"`
	Cache struct {
		Caches []struct {
			Memcached *struct {
				Host      string `json:"host"`
				Addresses string `json:"addresses"`
			} `json:"memcached"`
		} `json:"caches"`
	} `json:"cache"`
	UsageReport struct {
		Enabled bool `json:"reporting_enabled"`
	} `json:"usage_report"`
	Storage struct {
		Trace struct {
			Backend string `json:"backend"`
			WAL     struct {
				Path string `json:"path"`
			} `json:"wal"`
			S3 s3Config `json:"s3"`
		} `json:"trace"`
	} `json:"storage"`

	text map[string]any // for /status/config, without the secret key
}

type s3Config struct {
	Bucket       string `json:"bucket"`
	Prefix       string `json:"prefix"`
	Endpoint     string `json:"endpoint"`
	Region       string `json:"region"`
	AccessKey    string `json:"access_key"`
	SecretKey    string `json:"secret_key"`
	SessionToken string `json:"session_token"`
	Insecure     bool   `json:"insecure"`
	CAPath       string `json:"tls_ca_path"`
	SkipVerify   bool   `json:"tls_insecure_skip_verify"`
}

// receiver has an endpoint, or protocols with an endpoint each. A protocol that is null
// is enabled.
type receiver struct {
	Endpoint  string               `json:"endpoint"`
	Protocols map[string]*protocol `json:"protocols"`
}

type protocol struct {
	Endpoint string `json:"endpoint"`
}

// duration is a time.Duration as Tempo writes one, "30m".
type duration time.Duration

func (d *duration) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("got %s; want a duration such as 30m", text)
	}
	parsed, err := time.ParseDuration(s)
	*d = duration(parsed)
	return err
}

// or returns d, or a default if d is zero.
func (d duration) or(other time.Duration) time.Duration {
	if d == 0 {
		return other
	}
	return time.Duration(d)
}

// readConfig reads Tempo's configuration file. If expand is set, it replaces variables
// before it parses the YAML, as Tempo does, so that a value can break the YAML.
func readConfig(file string, expand bool, getenv func(string) string) (config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return config{}, fmt.Errorf("failed parsing config: failed to read configFile %s: %w", file, err)
	}
	if expand {
		text = []byte(expandEnv(string(text), getenv))
	}
	c, err := parseConfig(text)
	if err != nil {
		return config{}, fmt.Errorf("failed parsing config: failed to parse configFile %s: %w", file, err)
	}
	return c, nil
}

func parseConfig(text []byte) (config, error) {
	var c config
	c.Server.HTTPPort, c.Server.GRPCPort, c.Memberlist.BindPort = 3200, 9095, 7946
	c.Ingester.Lifecycler.Ring.ReplicationFactor = 3
	c.UsageReport.Enabled = true
	c.Storage.Trace.WAL.Path = "/var/tempo/wal"
	if err := yaml.Unmarshal(text, &c); err != nil {
		return c, withoutText(err)
	}
	if err := yaml.Unmarshal(text, &c.text); err != nil {
		return c, withoutText(err)
	}
	hide(c.text, "secret_key", "session_token")
	return c, nil
}

// withoutText returns a YAML error without the text that it quotes, because that may be
// a secret key.
func withoutText(err error) error {
	return fmt.Errorf("%s", regexp.MustCompile("`[^`]*`").ReplaceAllString(err.Error(), "`…`"))
}

// hide replaces the values of some keys in a tree.
func hide(tree any, keys ...string) {
	switch tree := tree.(type) {
	case map[string]any:
		for key, value := range tree {
			if slices.Contains(keys, key) {
				tree[key] = "********"
			}
			hide(value, keys...)
		}
	case []any:
		for _, value := range tree {
			hide(value, keys...)
		}
	}
}

// variable is ${NAME}, or ${NAME:-DEFAULT}. $NAME is left as it is.
var variable = regexp.MustCompile(`\$\{(\w+)(?::-([^}]*))?\}`)

// expandEnv replaces the variables of a text. A variable that is not set is empty.
func expandEnv(text string, getenv func(string) string) string {
	return variable.ReplaceAllStringFunc(text, func(found string) string {
		parts := variable.FindStringSubmatch(found)
		if value := getenv(parts[1]); value != "" {
			return value
		}
		return parts[2]
	})
}

// joinHosts returns the hosts of the memberlist's join names.
func (c config) joinHosts() []string {
	var hosts []string
	for _, name := range c.Memberlist.Join {
		_, address, found := strings.Cut(name, "+") // dns+HOST:PORT
		if !found {
			address = name
		}
		if host, _, err := net.SplitHostPort(address); err == nil {
			address = host
		}
		hosts = append(hosts, address)
	}
	return hosts
}

// generates reports whether traces are sent to a metrics-generator.
func (c config) generates() bool {
	return c.Generator != nil && len(c.Overrides.Defaults.Generator.Processors) > 0
}

// rates reports whether TraceQL metrics have results.
func (c config) rates(version string) bool {
	if !hasLocalBlocks(version) {
		return true
	}
	return c.Generator != nil && slices.Contains(c.Overrides.Defaults.Generator.Processors, "local-blocks")
}

// ingesterFlush returns when an ingester writes. The defaults are Tempo's
// (modules/ingester/config.go).
func (c config) ingesterFlush() flushing {
	return flushing{
		age:   c.Ingester.MaxBlockDuration.or(30 * time.Minute),
		idle:  c.Ingester.TraceIdle.or(5 * time.Second),
		check: c.Ingester.FlushCheck.or(10 * time.Second),
	}
}

// generatorFlush returns when a metrics-generator writes: never without flush_to_storage.
func (c config) generatorFlush() flushing {
	f := flushing{age: time.Minute, check: time.Second, never: true}
	if c.Generator != nil {
		f.age = c.Generator.Processor.LocalBlocks.MaxBlockDuration.or(f.age)
		f.never = !c.Generator.Processor.LocalBlocks.FlushToStorage
	}
	return f
}
