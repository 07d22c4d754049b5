package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// metric is the type and the source of a metric.
type metric struct {
	typ string // counter, gauge or histogram
	// source is where it is from: /metrics, if a pod has been seen to expose it, else the
	// file of Tempo's sources, or the page of the documentation, that has it.
	source string
}

const seen = "/metrics"

// readList returns the metrics of a list: NAME TYPE SOURCE a line, and # before comments.
func readList(file string) (map[string]metric, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	list := map[string]metric{}
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		words := strings.Fields(line)
		if len(words) != 3 {
			return nil, fmt.Errorf("%s:%d: got %q; want NAME TYPE SOURCE", file, i+1, line)
		}
		list[words[0]] = metric{words[1], words[2]}
	}
	return list, nil
}

// writeList writes a list of a Tempo.
func writeList(file, version string, list map[string]metric) error {
	var text bytes.Buffer
	fmt.Fprintf(&text, "# Metrics of Tempo %s: NAME TYPE SOURCE. SOURCE is /metrics for what a Tempo was seen to\n", version)
	fmt.Fprintf(&text, "# expose, else the file of its sources: some metrics appear only after what they count.\n")
	fmt.Fprintf(&text, "# Refresh it: cd monitoring && go run . metrics -version %s -namespace tempo\n", version)
	for _, name := range slices.Sorted(maps.Keys(list)) {
		fmt.Fprintln(&text, name, list[name].typ, list[name].source)
	}
	return write(file, text.Bytes())
}

// exactVersion matches the version that names a list.
var exactVersion = regexp.MustCompile(`^\d+\.\d+\.\d+$`)

// refresh writes the list of a version from what Tempo's pods expose. Metrics of the list
// that are from the sources stay.
func refresh(ctx context.Context, version, namespace string, urls []string) error {
	if !exactVersion.MatchString(version) {
		return fmt.Errorf("-version: got %q; want an exact version of Tempo. Fix: go run . metrics -version 2.10.8 -namespace tempo", version)
	}
	if (namespace == "") == (len(urls) == 0) {
		return errors.New("want either -namespace or URLs of /metrics. Fix: go run . metrics -version " + version + " -namespace tempo")
	}
	file := filepath.Join("metrics", "tempo-"+version+".txt")
	list, err := readList(file)
	if errors.Is(err, os.ErrNotExist) {
		list = map[string]metric{}
	} else if err != nil {
		return err
	}
	maps.DeleteFunc(list, func(_ string, m metric) bool { return m.source == seen })
	read := func(from string, text []byte) error {
		found := exposed(text)
		fmt.Printf("%s: %d metrics of Tempo\n", from, len(found))
		if len(found) == 0 {
			return fmt.Errorf("%s: got no metric of Tempo; want those of a pod", from)
		}
		maps.Copy(list, found)
		return nil
	}
	for _, url := range urls {
		text, err := get(ctx, url)
		if err != nil {
			return err
		}
		if err := read(url, text); err != nil {
			return err
		}
	}
	if namespace != "" {
		if err := ofPods(ctx, namespace, read); err != nil {
			return err
		}
	}
	return writeList(file, version, list)
}

// typeLine is a line of the text format that has a metric's type.
var typeLine = regexp.MustCompile(`^# TYPE (tempo_\S+|tempodb_\S+|traces_\S+) (\S+)$`)

// exposed returns Tempo's own metrics in the text of /metrics.
func exposed(text []byte) map[string]metric {
	found := map[string]metric{}
	for line := range strings.Lines(string(text)) {
		if match := typeLine.FindStringSubmatch(strings.TrimRight(line, "\r\n")); match != nil {
			found[match[1]] = metric{match[2], seen}
		}
	}
	return found
}

func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", url, response.Status)
	}
	return io.ReadAll(response.Body)
}

// ofPods reads the metrics of each of Tempo's pods in a namespace, through the API server of
// kubectl's current context.
func ofPods(ctx context.Context, namespace string, read func(from string, text []byte) error) error {
	text, err := kubectl(ctx, "get", "pods", "--namespace", namespace, "--selector", "app.kubernetes.io/component!=memcached", "--output", "json")
	if err != nil {
		return err
	}
	var pods struct {
		Items []struct {
			Metadata struct{ Name string }
		}
	}
	if err := json.Unmarshal(text, &pods); err != nil {
		return err
	}
	if len(pods.Items) == 0 {
		return fmt.Errorf("namespace %s: got no pods; want Tempo's", namespace)
	}
	for _, pod := range pods.Items {
		text, err := kubectl(ctx, "get", "--raw", "/api/v1/namespaces/"+namespace+"/pods/"+pod.Metadata.Name+":3200/proxy/metrics")
		if err != nil {
			return err
		}
		if err := read("pod "+pod.Metadata.Name, text); err != nil {
			return err
		}
	}
	return nil
}

func kubectl(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "kubectl", args...)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, problem.String())
	}
	return text, nil
}
