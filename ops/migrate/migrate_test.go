package migrate

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stored is an object of a bucket in memory.
type stored struct {
	text, etag, origin string
	metadata           map[string]string
}

// memory is a bucket in memory. The ETag of an object is the MD5 of its content, or what etag
// returns.
type memory struct {
	mu      sync.Mutex
	objects map[string]stored
	opened  int
	etag    func(text string) string
	put     func(key string) error // before an object is written
	open    func(key string) error
}

func sumOf(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

func holding(pairs ...string) *memory {
	m := &memory{objects: map[string]stored{}, etag: sumOf}
	for i := 0; i < len(pairs); i += 2 {
		m.objects[pairs[i]] = stored{text: pairs[i+1], etag: sumOf(pairs[i+1])}
	}
	return m
}

func (m *memory) List(context.Context) ([]Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var objects []Object
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		objects = append(objects, Object{key, int64(len(m.objects[key].text)), m.objects[key].etag})
	}
	return objects, nil
}

func (m *memory) Open(_ context.Context, o Object) (Content, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.opened++
	if m.open != nil {
		if err := m.open(o.Key); err != nil {
			return Content{}, err
		}
	}
	found := m.objects[o.Key]
	return Content{io.NopCloser(strings.NewReader(found.text)), "text/plain", found.metadata}, nil
}

func (m *memory) Origin(_ context.Context, key string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.objects[key].origin, nil
}

func (m *memory) Put(_ context.Context, source Object, content Content, replace bool) (string, error) {
	if m.put != nil {
		if err := m.put(source.Key); err != nil {
			return "", err
		}
	}
	text, err := io.ReadAll(content)
	if err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, exists := m.objects[source.Key]; exists && !replace {
		return "", ErrExists
	}
	m.objects[source.Key] = stored{string(text), m.etag(string(text)), source.ETag, content.Metadata}
	return m.objects[source.Key].etag, nil
}

func (m *memory) texts() map[string]string {
	texts := map[string]string{}
	for key, object := range m.objects {
		texts[key] = object.text
	}
	return texts
}

func keys(objects []Object) []string {
	var list []string
	for _, o := range objects {
		list = append(list, o.Key)
	}
	return list
}

func TestPlan(t *testing.T) {
	from := holding("new", "1", "same", "22", "longer", "333", "other", "4444", "parts", "55555", "unmarked", "666666", "changed", "7777777",
		"t/index.json.gz", "a")
	for _, key := range []string{"parts", "unmarked", "changed"} {
		object := from.objects[key]
		object.etag = "00000000000000000000000000000000-2"
		from.objects[key] = object
	}
	to := holding("same", "22", "longer", "33", "other", "4445", "parts", "55555", "unmarked", "666666", "changed", "7777778", "t/index.json.gz", "b", "own", "x")
	object := to.objects["parts"]
	object.origin = "00000000000000000000000000000000-2"
	to.objects["parts"] = object

	m := &Migration{From: from, To: to}
	plan, err := m.Plan(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Count{8, 1 + 2 + 3 + 4 + 5 + 6 + 7 + 1}, plan.Total)
	assert.Equal(t, []string{"new"}, keys(plan.Copy))
	assert.Equal(t, []string{"changed", "longer", "other"}, keys(plan.Differ))
	assert.Equal(t, []string{"t/index.json.gz"}, keys(plan.Kept))
	assert.Equal(t, Count{3, 2 + 5 + 6}, plan.Same)
	assert.Equal(t, 4, from.opened, "contents are read only if nothing else tells: other, unmarked, changed, the index")

	result, err := m.Run(t.Context(), plan)
	require.NoError(t, err)
	assert.Equal(t, Count{1, 1}, result.Copied)
	assert.Equal(t, "4445", to.texts()["other"], "what differs is replaced without being told to")
	assert.Equal(t, "x", to.texts()["own"])

	m.Replace = true
	plan, err = m.Plan(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"changed", "longer", "other", "t/index.json.gz"}, keys(plan.Differ))
	_, err = m.Run(t.Context(), plan)
	require.NoError(t, err)
	want := from.texts()
	want["own"] = "x"
	assert.Equal(t, want, to.texts())
}

func TestRun(t *testing.T) {
	from, to := holding(), holding()
	for i := range 300 {
		text := fmt.Sprint("object ", i)
		from.objects[fmt.Sprint("t/", i)] = stored{text: text, etag: sumOf(text), metadata: map[string]string{"A": "b"}}
	}
	// It ends in the midst of it, as if it were interrupted.
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	written := 0
	to.put = func(string) error {
		to.mu.Lock()
		defer to.mu.Unlock()
		if written++; written == 100 {
			cancel(interrupted)
		}
		return ctx.Err()
	}
	m := &Migration{From: from, To: to}
	plan, err := m.Plan(ctx)
	require.NoError(t, err)
	result, err := m.Run(ctx, plan)
	require.ErrorIs(t, err, interrupted)
	assert.Empty(t, result.Failed)
	assert.Less(t, result.Copied.Objects, 100)

	to.put = nil
	var progress bytes.Buffer
	m.Progress, m.every = &progress, time.Nanosecond
	before := len(to.objects)
	plan, err = m.Plan(t.Context())
	require.NoError(t, err)
	assert.Equal(t, before, plan.Same.Objects)
	result, err = m.Run(t.Context(), plan)
	require.NoError(t, err)
	assert.Equal(t, 300-before, result.Copied.Objects, "what was copied is copied again")
	assert.Equal(t, from.texts(), to.texts())
	assert.Equal(t, "b", to.objects["t/7"].metadata["A"], "the metadata is lost")
	assert.Contains(t, progress.String(), fmt.Sprintf("copied %d of %[1]d objects", 300-before))
}

func TestFailures(t *testing.T) {
	from := holding("gone", "1", "changed", "2", "refused", "3", "taken", "4", "damaged", "5", "fine", "6", "encrypted", "7")
	to := holding()
	from.open = func(key string) error { return map[string]error{"gone": ErrGone, "changed": ErrChanged}[key] }
	refused := errors.New("refused")
	to.put = func(key string) error { return map[string]error{"refused": refused, "taken": ErrExists}[key] }
	to.etag = func(text string) string {
		if text == "7" { // its ETag is no checksum, and its content is right
			return sumOf("another")
		}
		return sumOf(text)
	}
	m := &Migration{From: from, To: damaging{to}}
	plan, err := m.Plan(t.Context())
	require.NoError(t, err)
	result, err := m.Run(t.Context(), plan)
	require.NoError(t, err)
	assert.Equal(t, []string{"gone"}, result.Gone)
	assert.Equal(t, []string{"changed", "damaged", "refused", "taken"}, slices.Sorted(maps.Keys(result.Failed)))
	assert.ErrorContains(t, result.Failed["damaged"], "another content than was written")
	assert.ErrorContains(t, result.Failed["taken"], "run the same command again")
	assert.Equal(t, Count{2, 2}, result.Copied)

	// A server that is not reachable fails each object.
	to = holding()
	to.put = func(string) error { return refused }
	many := holding()
	for i := range 1000 {
		many.objects[fmt.Sprint(i)] = stored{text: "x", etag: sumOf("x")}
	}
	m = &Migration{From: many, To: to}
	plan, err = m.Plan(t.Context())
	require.NoError(t, err)
	result, err = m.Run(t.Context(), plan)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(result.Failed), mostFailures+atOnce)
}

// damaging is a bucket that stores another content than it is given.
type damaging struct{ *memory }

func (d damaging) Put(ctx context.Context, source Object, content Content, replace bool) (string, error) {
	if source.Key == "damaged" {
		_, _ = io.Copy(io.Discard, content)
		content.ReadCloser = io.NopCloser(strings.NewReader("x"))
	}
	return d.memory.Put(ctx, source, content, replace)
}

// The ETags are those that S3 servers compute.
func TestChecksum(t *testing.T) {
	const part = 5
	md5s := func(texts ...string) string {
		var all []byte
		for _, text := range texts {
			sum := md5.Sum([]byte(text))
			all = append(all, sum[:]...)
		}
		sum := md5.Sum(all)
		return fmt.Sprintf("%x-%d", sum, len(texts))
	}
	for text, want := range map[string]string{
		"":              sumOf(""),
		"1234":          sumOf("1234"),
		"12345":         sumOf("12345"),
		"123456":        md5s("12345", "6"),
		"1234567890":    md5s("12345", "67890"),
		"1234567890123": md5s("12345", "67890", "123"),
	} {
		for _, step := range []int{1, 3, 100} {
			sum := newChecksum(part)
			for rest := []byte(text); len(rest) > 0; rest = rest[min(step, len(rest)):] {
				_, _ = sum.Write(rest[:min(step, len(rest))])
			}
			assert.Equal(t, want, sum.etag(), "%q by %d", text, step)
			assert.True(t, sum.isOf(sumOf(text)))
			assert.True(t, sum.isOf("00000000000000000000000000000000-9"))
			assert.False(t, sum.isOf(sumOf(text+".")))
		}
	}
	assert.EqualValues(t, 16<<20, partSize(0))
	assert.EqualValues(t, 16<<20, partSize(100<<20))
	assert.LessOrEqual(t, int64(1<<40)/partSize(1<<40), int64(mostParts))
}
