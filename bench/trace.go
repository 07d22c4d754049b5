package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/picluster/picluster/lab"
	"sigs.k8s.io/yaml"
)

// traceRounds is the number of runs of each way. A run takes minutes, and runs differ by seconds.
const traceRounds = 1

// firstTrace measures the time from nothing to the first trace that is read back, on real
// nodes with Tempo's own images.
func firstTrace(ctx context.Context, r *report) error {
	if err := realTempo(); err != nil {
		return err
	}
	var values []byte // picluster's
	ways := waysToDeploy(func() ([]byte, error) { return asTheGuide(values) })

	r.printf(`# From nothing to the first trace

The bucket, user, policy, its attachment, namespace, Secret and release, profile pi, on
two real nodes with Tempo's own images, on a new lab each time. Then a trace is sent by
OTLP over HTTP until it is accepted, and requested until it is returned. Runs of each way:
%d. The script and OpenTofu have the same values, but for the times of the readiness
probes: they have the chart's.

`, traceRounds)
	r.header("way", "deployed after", "first trace after", "to the guide's")
	var rows [][2]time.Duration
	for _, way := range ways {
		var deployed, found []cost
		for range traceRounds {
			err := r.onRealNodes(ctx, func(l *lab.Lab) error {
				run, err := way.prepare(ctx, l)
				if err != nil {
					return err
				}
				fmt.Println("$", way.name)
				start := time.Now()
				if err := run(); err != nil {
					return err
				}
				deployed = append(deployed, cost{elapsed: time.Since(start)})
				if err := sendAndFind(ctx, l); err != nil {
					return err
				}
				found = append(found, cost{elapsed: time.Since(start)})
				fmt.Println(" ", seconds(deployed[len(deployed)-1].elapsed), seconds(time.Since(start)))
				if values == nil {
					values, err = releaseValues(ctx, l)
				}
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", way.name, err)
			}
		}
		rows = append(rows, [2]time.Duration{middle(deployed).elapsed, middle(found).elapsed})
	}
	for i, way := range ways {
		r.row(way.name, seconds(rows[i][0]), seconds(rows[i][1]), ratio(rows[i][1], rows[1][1]))
	}
	return nil
}

// asTheGuide returns values without the times of probes, which the guide leaves to the
// chart.
func asTheGuide(values []byte) ([]byte, error) {
	var all map[string]any
	if err := yaml.Unmarshal(values, &all); err != nil {
		return nil, err
	}
	if tempo, ok := all["tempo"].(map[string]any); ok {
		delete(tempo, "readinessProbe")
	}
	return yaml.Marshal(all)
}

// traceTimeout limits sendAndFind.
const traceTimeout = 3 * time.Minute

// sendAndFind sends a trace until it is accepted, and reads it until it is returned.
func sendAndFind(ctx context.Context, l *lab.Lab) error {
	ctx, cancel := context.WithTimeout(ctx, traceTimeout)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DialContext: l.Dial, DisableKeepAlives: true}, Timeout: 5 * time.Second}
	address := func(service, port string) (string, error) {
		ip, err := l.Kubectl(ctx, "get", "service", "--namespace="+namespace, release+"-"+service, "--output=jsonpath={.spec.clusterIP}")
		return "http://" + net.JoinHostPort(string(ip), port), err
	}
	distributor, err := address("distributor", "4318")
	frontend, frontendErr := address("query-frontend", "3200")
	if err := errors.Join(err, frontendErr); err != nil {
		return err
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	trace := hex.EncodeToString(id)
	now := time.Now().UnixNano()
	body := fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"bench"}}]},"scopeSpans":[{"spans":[{"traceId":%q,"spanId":%q,"name":"bench","kind":1,"startTimeUnixNano":"%d","endTimeUnixNano":"%d"}]}]}]}`,
		trace, trace[:16], now, now+1e6)
	request := func(method, url, body string) error {
		request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader([]byte(body)))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s %s: %s", method, strings.TrimPrefix(url, "http://"), response.Status)
		}
		return nil
	}
	for _, do := range []func() error{
		func() error { return request(http.MethodPost, distributor+"/v1/traces", body) },
		func() error { return request(http.MethodGet, frontend+"/api/traces/"+trace, "") },
	} {
		for err := do(); err != nil; err = do() {
			select {
			case <-ctx.Done():
				return err
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return nil
}
