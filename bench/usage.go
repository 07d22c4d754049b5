package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/picluster/picluster/lab"
)

// pod is one of Tempo's pods, which have one container each.
type pod struct {
	name, component, uid, address string
	limit                         string // of memory; empty if there is none
	restarts                      int
	ended                         string // why the container was ended last
}

// isCache reports whether the pod is memcached's, and not Tempo's own.
func (p pod) isCache() bool { return strings.HasPrefix(p.component, "memcached") }

// tempoPods returns the release's pods, except those that are being deleted.
func tempoPods(ctx context.Context, l *lab.Lab) (pods []pod, err error) {
	text, err := l.Kubectl(ctx, "get", "pods", "--namespace="+namespace, "--selector=app.kubernetes.io/instance="+release, "--output=json")
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct {
			Metadata struct {
				Name, UID         string
				Labels            map[string]string
				DeletionTimestamp *string
			}
			Spec struct {
				Containers []struct {
					Resources struct{ Limits map[string]string }
				}
			}
			Status struct {
				PodIP             string
				ContainerStatuses []struct {
					RestartCount int
					LastState    struct {
						Terminated *struct{ Reason string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	for _, item := range list.Items {
		if item.Metadata.DeletionTimestamp != nil {
			continue
		}
		p := pod{name: item.Metadata.Name, component: item.Metadata.Labels["app.kubernetes.io/component"], uid: item.Metadata.UID, address: item.Status.PodIP}
		if p.component == "" {
			p.component = release // mode monolithic
		}
		for _, container := range item.Spec.Containers {
			p.limit = container.Resources.Limits["memory"]
		}
		for _, status := range item.Status.ContainerStatuses {
			p.restarts += status.RestartCount
			if status.LastState.Terminated != nil {
				p.ended = status.LastState.Terminated.Reason
			}
		}
		pods = append(pods, p)
	}
	return pods, nil
}

// usage is what pods and this machine use while something is measured.
type usage struct {
	peaks                  map[string]int64 // memory, by the pod's component
	tempo, sender, machine float64          // processors
}

// watchInterval is how often a pod's memory is read.
const watchInterval = 500 * time.Millisecond

// whileWatched calls do, and returns what was used meanwhile.
func whileWatched(ctx context.Context, l *lab.Lab, pods []pod, do func()) (usage, error) {
	u := usage{peaks: map[string]int64{}}
	first, last := map[string]time.Duration{}, map[string]time.Duration{}
	look := func() (err error) {
		for _, p := range pods {
			memory, cpu, podErr := l.PodUsage(p.uid)
			if podErr != nil {
				err = errors.Join(err, podErr)
				continue
			}
			u.peaks[p.component] = max(u.peaks[p.component], memory)
			if _, known := first[p.uid]; !known {
				first[p.uid] = cpu
			}
			last[p.uid] = cpu
		}
		return err
	}
	if err := look(); err != nil {
		return u, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		ticker := time.NewTicker(watchInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				_ = look() // restarted reports a pod that is gone
			}
		}
	})
	begin, busy, own := time.Now(), machineTime(), ownTime()
	do()
	elapsed := time.Since(begin).Seconds()
	u.machine, u.sender = (machineTime()-busy).Seconds()/elapsed, (ownTime()-own).Seconds()/elapsed
	cancel()
	watching.Wait()
	_ = look()
	for uid, cpu := range last {
		u.tempo += (cpu - first[uid]).Seconds() / elapsed
	}
	return u, nil
}

// ownTime returns the CPU time of this process.
func ownTime() time.Duration {
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return 0
	}
	return time.Duration(own.Utime.Nano() + own.Stime.Nano())
}

// machineTime returns the CPU time of this machine, without what waits or is idle.
func machineTime() (busy time.Duration) {
	file, err := os.Open("/proc/stat")
	if err != nil {
		return 0
	}
	defer file.Close()
	line, _ := bufio.NewReader(file).ReadString('\n')
	for i, value := range strings.Fields(line) {
		// Source: man 5 proc_stat. User, nice, system, then idle and iowait, then irq and
		// softirq, in hundredths of a second.
		if i >= 1 && i <= 3 || i == 6 || i == 7 {
			ticks, _ := strconv.ParseInt(value, 10, 64)
			busy += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return busy
}

// restarted returns which pods were ended or replaced since before, and why.
func restarted(before, after []pod) (what []string) {
	for _, old := range before {
		state := old.component + ": replaced"
		for _, p := range after {
			if p.uid != old.uid {
				continue
			}
			if state = ""; p.restarts > old.restarts {
				state = p.component + ": " + p.ended
			}
		}
		if state != "" {
			what = append(what, state)
		}
	}
	return what
}

// series is one of a pod's series of a metric, by the value of a label.
type series struct{ pod, label string }

// metric returns a metric of Tempo's pods.
func metric(ctx context.Context, l *lab.Lab, pods []pod, name, label string) (map[series]float64, error) {
	all := map[series]float64{}
	client := &http.Client{Transport: &http.Transport{DialContext: l.Dial, DisableKeepAlives: true}, Timeout: 10 * time.Second}
	for _, p := range pods {
		if p.isCache() {
			continue
		}
		text, err := get(ctx, client, "http://"+net.JoinHostPort(p.address, "3200")+"/metrics")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		for line := range strings.Lines(string(text)) {
			labels, found := strings.CutPrefix(line, name+"{")
			if !found {
				continue
			}
			labels, value, _ := strings.Cut(labels, "} ")
			of := series{pod: p.uid}
			for pair := range strings.SplitSeq(labels, ",") {
				if text, found := strings.CutPrefix(pair, label+"="); found {
					of.label = strings.Trim(text, `"`)
				}
			}
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", p.name, strings.TrimSpace(line), err)
			}
			all[of] += number
		}
	}
	return all, nil
}

// increase returns by how much a counter has risen, by its label. A pod that was restarted
// counts from 0.
func increase(before, after map[series]float64) map[string]float64 {
	by := map[string]float64{}
	for of, value := range after {
		if value >= before[of] {
			value -= before[of]
		}
		if value > 0 {
			by[of.label] += value
		}
	}
	return by
}

// get returns what a URL responds.
func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s: %s", url, response.Status, strings.TrimSpace(string(text)))
	}
	return text, err
}

func mebibytes(bytes int64) string { return fmt.Sprintf("%d MiB", bytes>>20) }
