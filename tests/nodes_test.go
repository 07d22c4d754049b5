package tests

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/picluster/picluster/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// needRealNodes skips the test on a machine that cannot run real nodes; in CI, it
// fails instead.
func needRealNodes(t *testing.T) {
	t.Helper()
	if err := lab.SupportsRealNodes(); err != nil {
		if os.Getenv("CI") == "true" {
			require.NoError(t, err)
		}
		t.Skip("NOT TESTED: ", err)
	}
}

// Containers run on two nodes, in a network of the lab's own, and leave nothing.
func TestRealNodes(t *testing.T) {
	needRealNodes(t)
	before := takeTraces(t)
	h := start(t, func(l *lab.Lab) { l.RealNodes = true })
	importProbe(h)

	h.sub("both nodes are ready", func(h harness) {
		assert.Equal(h, "node-1 True\nnode-2 True\n", h.kubectl("get", "nodes",
			`--output=jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}`))
	})

	h.kubectl("create", "namespace", "probe")
	h.kubectl("label", "namespace", "probe", "pod-security.kubernetes.io/enforce=restricted")
	h.kubectl("wait", "serviceaccount", "default", "--namespace=probe", "--for=create", "--timeout=30s")
	h.kubectl("apply", "--filename="+filepath.Join("testdata", "nodes", "pods.yaml"))
	h.kubectl("wait", "pods", "--all", "--namespace=probe", "--for=condition=Ready", "--timeout=60s")

	h.sub("a Service leads to a pod on the other node", func(h harness) {
		assert.Equal(h, "node-1 node-2", h.kubectl("get", "pods", "client", "server", "--namespace=probe", "--output=jsonpath={.items[*].spec.nodeName}"))
		assert.Equal(h, "I am server\n", h.reach("client", "http://server.probe.svc.cluster.local"))
	})
	h.sub("a pod that runs as root is rejected", func(h harness) {
		_, err := h.Kubectl(h.Context(), "run", "root", "--namespace=probe", "--image="+probeImage)
		assert.ErrorContains(h, err, "PodSecurity")
	})
	h.sub("MinIO can be reached from a pod", func(h harness) {
		endpoint, _, _ := h.MinIO()
		h.reach("other", "http://"+endpoint+"/minio/health/live")
	})
	h.sub("what a pod uses", func(h harness) {
		uid := h.kubectl("get", "pod", "server", "--namespace=probe", "--output=jsonpath={.metadata.uid}")
		memory, before, err := h.PodUsage(uid)
		require.NoError(h, err)
		assert.Greater(h, memory, int64(1<<20))
		assert.Less(h, memory, int64(1<<28))
		h.kubectl("exec", "server", "--namespace=probe", "--", "/probe", "get", "http://localhost:8080")
		_, after, err := h.PodUsage(uid)
		require.NoError(h, err)
		assert.Greater(h, after-before, time.Millisecond)
		assert.Less(h, after, time.Minute)
		_, _, err = h.PodUsage("none")
		assert.ErrorContains(h, err, "no cgroup podnone")
	})
	h.sub("logs", func(h harness) {
		assert.Contains(h, h.kubectl("logs", "server", "--namespace=probe"), "serving")
	})
	h.sub("port-forward", func(h harness) { assert.Equal(h, "I am server\n", h.throughPortForward("server")) })

	h.sub("NetworkPolicies", func(h harness) {
		// Everything works before.
		h.reach("other", "http://server")
		h.reach("client", "http://other")

		h.kubectl("apply", "--filename="+filepath.Join("testdata", "nodes", "policies.yaml"))
		for _, denied := range [][2]string{{"other", "http://server"}, {"client", "http://other"}} {
			assert.EventuallyWithT(h, func(c *assert.CollectT) {
				out, err := h.tryGet(denied[0], denied[1])
				assert.ErrorContains(c, err, "Client.Timeout", "%s", out)
			}, 30*time.Second, 100*time.Millisecond, "%s reaches %s", denied[0], denied[1])
		}
		assert.Equal(h, "I am server\n", h.reach("client", "http://server"))
		assert.Equal(h, "I am other\n", h.reach("server", "http://other"))
	})

	h.sub("Remove leaves nothing", func(h harness) {
		ids := processes(h.T, h.Dir, h.Network())
		require.Greater(h, len(ids), 15, "the test does not see the lab's processes")
		assert.NotEmpty(h, takeTraces(h.T).of(h.Lab), "the test does not see what the lab leaves")

		begin := time.Now()
		require.NoError(h, h.Remove(h.Context()))
		h.Logf("removed %d processes in %s", len(ids), time.Since(begin))
		assertGone(h.T, h.Lab, before, ids)
	})
}

// A start that is killed leaves nothing either, once the lab is removed.
func TestRealNodesKilled(t *testing.T) {
	needRealNodes(t)
	t.Parallel()
	command := filepath.Join(t.TempDir(), "lab")
	out, err := output(exec.Command("go", "build", "-o", command, "github.com/picluster/picluster/lab/cmd/lab"))
	require.NoError(t, err, out)

	for _, moment := range []struct {
		name, file string
		runs       bool // whether something is sure to run then
	}{
		{"when its first process waits", "nodes/pid", false},
		{"when its machine is there", "nodes/kernel", true},
		{"when its cluster starts", "kwok/clusters/*/pids/etcd.pid", true},
		{"when its nodes run a pod", "nodes/node-*/containerd-state/io.containerd.runtime.v2.task/k8s.io/*", true},
	} {
		t.Run(moment.name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "picluster-lab-")
			require.NoError(t, err)
			before := takeTraces(t)
			cmd := exec.Command(command, "run", "true")
			cmd.Env = append(os.Environ(), "LAB_DIR="+dir, lab.NodesVariable+"=real")
			var log bytes.Buffer
			cmd.Stdout, cmd.Stderr = &log, &log
			require.NoError(t, cmd.Start())
			t.Cleanup(func() {
				_ = cmd.Process.Kill() // it may have ended
				l := findLab(t, dir)
				if l == nil {
					return // the test has removed it
				}
				keepLogs(t, l)
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				assert.NoError(t, l.Remove(ctx))
			})

			eventually(t, func() bool {
				found, _ := filepath.Glob(filepath.Join(dir, moment.file))
				return len(found) > 0
			}, 3*time.Minute, time.Millisecond, "%s", &log)
			// Now, because the lab's guard ends them at once when the start is killed.
			ids := processes(t, dir, "")
			assert.True(t, len(ids) > 0 || !moment.runs, "the test does not see the lab's processes")
			require.NoError(t, cmd.Process.Kill())
			err = cmd.Wait()
			require.ErrorContains(t, err, "signal: killed", "the start ended before: %s", &log)

			l, err := lab.Open(t.Context(), dir, t.Output())
			require.NoError(t, err)
			ids = append(ids, processes(t, dir, "")...)
			require.NoError(t, l.Remove(t.Context()))
			assertGone(t, l, before, ids)
		})
	}
}

const probeImage = "picluster.example/probe:test"

// importProbe compiles the program of the test's pods, and imports it as an image.
func importProbe(h harness) {
	h.Helper()
	parts, err := h.Build(h.Context(), []lab.Part{probePart})
	require.NoError(h, err)
	require.NoError(h, h.ImportImages(h.Context(), lab.Image{
		Ref:        []string{probeImage},
		Entrypoint: []string{"/probe"},
		User:       "65534:65534",
		Files:      map[string]string{"/probe": parts["probe"]},
	}))
}

// tryGet returns what a pod receives from a URL.
func (h harness) tryGet(pod, url string) (string, error) {
	ctx, cancel := context.WithTimeout(h.Context(), commandTimeout)
	defer cancel()
	out, err := h.Kubectl(ctx, "exec", pod, "--namespace=probe", "--", "/probe", "get", url)
	return string(out), err
}

// reach is tryGet for a URL that must respond.
func (h harness) reach(pod, url string) string {
	h.T.Helper()
	out, err := h.tryGet(pod, url)
	require.NoError(h, err, "%s does not reach %s", pod, url)
	return out
}

var forwarding = regexp.MustCompile(`Forwarding from (127\.0\.0\.1:\d+)`)

// throughPortForward returns what a pod responds through the API server.
func (h harness) throughPortForward(pod string) string {
	h.T.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), commandTimeout)
	defer cancel()
	cmd := h.Command(ctx, "kubectl", "port-forward", "--namespace=probe", "pod/"+pod, ":8080")
	stdout, err := cmd.StdoutPipe()
	require.NoError(h, err)
	require.NoError(h, cmd.Start())
	defer func() {
		cancel()
		_ = cmd.Wait() // it was killed
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(h, err)
	address := forwarding.FindStringSubmatch(line)
	require.NotNil(h, address, line)

	client := http.Client{Transport: &http.Transport{DialContext: h.Dial, DisableKeepAlives: true}, Timeout: 10 * time.Second}
	response, err := client.Get("http://" + address[1])
	require.NoError(h, err)
	defer response.Body.Close()
	return readAll(h.T, response.Body)
}

// traces are what a lab could leave on a machine besides processes and files.
type traces struct {
	mounts, networks, links, cgroups []string
	directories                      []string // of programs that do not ask where to write
	rules, settings                  string
}

func takeTraces(t *testing.T) (s traces) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	s.mounts = strings.Split(strings.TrimSpace(string(mounts)), "\n")
	s.networks, err = filepath.Glob("/run/netns/*")
	require.NoError(t, err)
	s.links, err = filepath.Glob("/sys/class/net/*")
	require.NoError(t, err)
	for _, pattern := range []string{"/sys/fs/cgroup/*", "/sys/fs/cgroup/*/*"} {
		cgroups, err := filepath.Glob(pattern)
		require.NoError(t, err)
		s.cgroups = append(s.cgroups, cgroups...)
	}
	for _, dir := range []string{
		"/opt/containerd", "/run/containerd", "/run/runc", "/var/lib/cni", "/var/lib/containerd", "/var/lib/kubelet",
		"/var/log/containers", "/var/log/pods",
	} {
		if _, err := os.Stat(dir); err == nil {
			s.directories = append(s.directories, dir)
		}
	}
	if out, err := output(exec.Command("nft", "list", "tables")); err == nil {
		s.rules = out
	}
	for _, setting := range []string{
		"kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
		"vm/overcommit_memory", "vm/panic_on_oom", "net/ipv4/ip_forward", "net/ipv4/conf/all/route_localnet",
	} {
		value, err := os.ReadFile(filepath.Join("/proc/sys", setting))
		require.NoError(t, err)
		s.settings += fmt.Sprintf("%s = %s", setting, value)
	}
	return s
}

// of returns the traces that name a lab: those that others cannot have left.
func (s traces) of(l *lab.Lab) (lines []string) {
	for _, line := range slices.Concat(s.mounts, s.networks, s.cgroups) {
		if strings.Contains(line, l.Dir) || strings.Contains(line, l.Network()) {
			lines = append(lines, line)
		}
	}
	return lines
}

// assertGone fails the test unless a removed lab has left the machine as it was.
func assertGone(t *testing.T, l *lab.Lab, before traces, ids []process) {
	t.Helper()
	assert.NoDirExists(t, l.Dir)
	after := takeTraces(t)
	assert.Empty(t, after.of(l))
	assert.Equal(t, before.rules, after.rules)
	assert.Equal(t, before.settings, after.settings)
	assert.Equal(t, before.links, after.links)
	assert.Equal(t, before.directories, after.directories)
	for _, p := range ids {
		assert.False(t, p.runs(), "process %d runs: %s", p.id, p.command)
	}
	assert.Empty(t, processes(t, l.Dir, l.Network()))
}

// process is a process that may have ended, and whose number another process may have.
type process struct {
	id      int
	started string
	ended   bool // and its parent has not asked how
	command string
}

func (p process) runs() bool {
	now, err := readProcess(p.id)
	return err == nil && now.started == p.started && !now.ended
}

func readProcess(id int) (process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	if err != nil {
		return process{}, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", id))
	return process{id, fields[19], fields[0] == "Z", strings.ReplaceAll(string(command), "\x00", " ")}, err
}

// processes returns those that name dir in their command or program, and those in
// the cgroups of a network's name.
func processes(t *testing.T, dir, network string) (found []process) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	for _, entry := range entries {
		id, err := strconv.Atoi(entry.Name())
		if err != nil || id == os.Getpid() {
			continue
		}
		p, err := readProcess(id)
		if err != nil {
			continue
		}
		program, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", id))
		cgroups, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", id))
		if strings.Contains(p.command+program, dir) || network != "" && strings.Contains(string(cgroups), network) {
			found = append(found, p)
		}
	}
	return found
}
