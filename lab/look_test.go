package lab

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// silence is a server that accepts connections, and never responds.
type silence struct {
	net.Listener
	mutex sync.Mutex
	asked []string // METHOD PATH of each connection's request
}

// newSilence has every publisher, and the chart's repository, be silent.
func newSilence(t *testing.T) *silence {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	s := &silence{Listener: listener}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go s.note(connection)
		}
	}()
	base := "http://" + listener.Addr().String() + "/"
	for _, variable := range baseVariables {
		t.Setenv(variable, base+variable)
	}
	t.Setenv(ChartVariable, "")
	chart := publishedChart
	t.Cleanup(func() { publishedChart = chart })
	publishedChart.Repository = base + "charts"
	short(t, &lookTimeout, 2*time.Second)
	return s
}

// note reads a request, and waits until the client gives up.
func (s *silence) note(connection net.Conn) {
	defer connection.Close()
	reader := bufio.NewReader(connection)
	line, err := reader.ReadString('\n')
	fields := strings.Fields(line)
	if err != nil || len(fields) < 2 {
		fields = []string{"no", "request"}
	}
	s.mutex.Lock()
	s.asked = append(s.asked, fields[0]+" "+fields[1])
	s.mutex.Unlock()
	for err == nil {
		_, err = reader.ReadString('\n')
	}
}

// requests returns what was asked for, sorted.
func (s *silence) requests() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Sorted(slices.Values(s.asked))
}

// TestOneLook opens a lab whose parts are all missing where no server responds. Neither its nodes
// nor its chart look again.
func TestOneLook(t *testing.T) {
	for name, realNodes := range map[string]bool{"simulated nodes": false, "real nodes": true} {
		t.Run(name, func(t *testing.T) {
			s := newSilence(t)
			t.Setenv(PartsVariable, partsDownload)
			t.Setenv(MinIOPluginVariable, "")
			t.Setenv("PATH", scripts(t, map[string]string{"kubectl": "echo Client Version: v1.36.99"})+":"+os.Getenv("PATH"))
			root, err := checkout()
			require.NoError(t, err)
			var log bytes.Buffer
			l := &Lab{Dir: t.TempDir(), root: root, cache: t.TempDir(), log: &log, look: &look{}, RealNodes: realNodes}
			parts := Parts
			if realNodes {
				parts = slices.Concat(Parts, nodeParts)
			}
			var want []string
			for _, p := range parts {
				if p.release != nil {
					a, err := l.builder().asset(p)
					require.NoError(t, err)
					want = append(want, "HEAD "+strings.TrimPrefix(a.sums, "http://"+s.Addr().String()))
				}
			}
			if !realNodes {
				want = append(want, "HEAD /charts/index.yaml")
			}
			slices.Sort(want)
			want = slices.Compact(want)

			start := time.Now()
			require.ErrorContains(t, l.buildParts(t.Context()), "want a release of pulumi that is reached: ")
			if realNodes {
				require.ErrorContains(t, l.nodes().build(t.Context()), "want a release of kubelet that is reached: ")
			}
			chart, err := l.chart(t.Context(), stackFile{})
			require.NoError(t, err)
			assert.Less(t, time.Since(start), lookTimeout+time.Second)
			assert.Equal(t, filepath.Join(root, "lab", "chart"), chart.Name)
			assert.Equal(t, want, s.requests())
			assert.NotContains(t, log.String(), "installed", "LAB_PARTS ignores what is installed")

			// A node that is added afterwards is asked for in the rest of the time.
			later, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			start = time.Now()
			url := "http://" + s.Addr().String() + "/later"
			assert.Error(t, l.look.at(later, url)[url])
			assert.Less(t, time.Since(start), time.Second)
		})
	}
}

// TestALookThatIsInterrupted is not remembered.
func TestALookThatIsInterrupted(t *testing.T) {
	p := newPublisher(t)
	p.files["/file"] = []byte("text")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := &look{}
	assert.Error(t, l.at(ctx, p.URL+"/file")[p.URL+"/file"])
	found := l.at(t.Context(), p.URL+"/file", p.URL+"/other")
	assert.Len(t, found, 2)
	assert.NoError(t, found[p.URL+"/file"])
	assert.ErrorContains(t, found[p.URL+"/other"], "404 Not Found")
}

// TestNoReleaseIsReached compiles all parts, and says so in one line.
func TestNoReleaseIsReached(t *testing.T) {
	newSilence(t)
	t.Setenv(PartsVariable, "")
	b, log := newBuilder(t)
	left, err := b.downloadAll(t.Context(), releases(), "", map[string]string{})
	require.NoError(t, err)
	assert.Len(t, left, len(releases()))
	assert.Equal(t, "lab: no official release is reached within 2s\n", log.String())
}
