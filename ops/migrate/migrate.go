// Package migrate copies the objects of a bucket from one S3 server to another. It deletes
// nothing, and replaces nothing at the target without being told to.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sync/errgroup"
)

// Object is an object as a server lists it.
type Object struct {
	Key  string
	Size int64 // bytes
	// ETag is without its quotation marks. Of an object that was written in one part, and that
	// the server has not encrypted, it is the MD5 of the content in hexadecimal. Source:
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html.
	ETag string
}

// Content is an object's content, and what is kept of its metadata.
type Content struct {
	io.ReadCloser
	Type     string
	Metadata map[string]string
}

// Bucket is a bucket of a server.
type Bucket interface {
	// List returns all objects.
	List(ctx context.Context) ([]Object, error)
	// Open returns the content of an object as it was listed. The error is ErrChanged if the
	// object is another one by now, and ErrGone if there is none.
	Open(ctx context.Context, object Object) (Content, error)
	// Origin returns the ETag at its source that an object was written with; empty if none
	// is recorded.
	Origin(ctx context.Context, key string) (string, error)
	// Put writes an object of a size with the ETag at its source, and returns its own ETag.
	// Unless replace is set, the error is ErrExists if there is one of the key.
	Put(ctx context.Context, source Object, content Content, replace bool) (etag string, err error)
}

// The errors of a Bucket.
var (
	ErrChanged = errors.New("it was changed meanwhile")
	ErrGone    = errors.New("it was deleted meanwhile")
	ErrExists  = errors.New("there is one by now")
)

// atOnce is how many objects are copied at a time. Each holds up to one part in memory.
const atOnce = 8

// Plan is what is to be copied.
type Plan struct {
	// Total is all objects at the source.
	Total Count
	// Same are those that the target has already.
	Same Count
	// Copy are those that it has not.
	Copy []Object
	// Differ are those of which the target has another content.
	Differ []Object
	// Kept are those of Differ that Tempo writes again by itself: lists of its blocks.
	Kept []Object
}

// Count is a number of objects and their size.
type Count struct {
	Objects int
	Bytes   int64
}

func size(bytes int64) string { return humanize.IBytes(uint64(max(bytes, 0))) } // #nosec G115 -- it is not negative

func (c Count) String() string { return fmt.Sprintf("%d objects, %s", c.Objects, size(c.Bytes)) }

// Sum returns the count of objects.
func Sum(objects []Object) Count {
	sum := Count{Objects: len(objects)}
	for _, o := range objects {
		sum.Bytes += o.Size
	}
	return sum
}

// Migration copies from one bucket to another.
type Migration struct {
	From, To Bucket
	// Replace replaces what differs at the target.
	Replace bool
	// Progress receives a line now and then. Nil: none.
	Progress io.Writer

	every time.Duration // between two lines; default: progressEvery
}

const progressEvery = 2 * time.Second

// rebuilt are the names of objects that Tempo writes again from the blocks: the lists of a
// tenant's blocks, and the id of its reports. Source: Tempo, tempodb/backend/backend.go.
var rebuilt = []string{"index.json.gz", "index.pb.zst", "tempo_cluster_seed.json"}

// Plan compares the two buckets.
func (m *Migration) Plan(ctx context.Context) (*Plan, error) {
	var source, target []Object
	group, listing := errgroup.WithContext(ctx)
	group.Go(func() (err error) { source, err = m.From.List(listing); return named("source", err) })
	group.Go(func() (err error) { target, err = m.To.List(listing); return named("target", err) })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	there := make(map[string]Object, len(target))
	for _, o := range target {
		there[o.Key] = o
	}
	plan := &Plan{Total: Sum(source)}
	var mu sync.Mutex
	group, comparing := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, o := range source {
		other, found := there[o.Key]
		if !found {
			plan.Copy = append(plan.Copy, o)
			continue
		}
		group.Go(func() error {
			same, err := m.same(comparing, o, other)
			if err != nil {
				return fmt.Errorf("comparing %s: %w", o.Key, err)
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case same:
				plan.Same = Count{plan.Same.Objects + 1, plan.Same.Bytes + o.Size}
			case slices.Contains(rebuilt, path.Base(o.Key)) && !m.Replace:
				plan.Kept = append(plan.Kept, o)
			default:
				plan.Differ = append(plan.Differ, o)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, list := range [][]Object{plan.Differ, plan.Kept} {
		slices.SortFunc(list, func(a, b Object) int { return strings.Compare(a.Key, b.Key) })
	}
	return plan, nil
}

func named(side string, err error) error {
	if err != nil {
		return fmt.Errorf("listing the %s: %w", side, err)
	}
	return nil
}

// same returns whether the target has the object's content.
//
// Equal ETags of equal sizes are proof. Others prove nothing: the ETag of an object in
// several parts depends on their sizes, and that of an encrypted one is no checksum. Then the
// target is asked for the ETag at the source that it was written with: a server stores it
// with the whole object or not at all. If there is none, the contents are compared.
func (m *Migration) same(ctx context.Context, source, target Object) (bool, error) {
	if source.Size != target.Size {
		return false, nil
	}
	if source.ETag == target.ETag {
		return true, nil
	}
	origin, err := m.To.Origin(ctx, source.Key)
	if err != nil {
		return false, err
	}
	if origin == source.ETag && origin != "" {
		return true, nil
	}
	return m.equal(ctx, source, target)
}

// equal compares the contents of two objects of one size.
func (m *Migration) equal(ctx context.Context, source, target Object) (bool, error) {
	from, err := m.From.Open(ctx, source)
	if err != nil {
		return false, err
	}
	defer from.Close()
	to, err := m.To.Open(ctx, target)
	if err != nil {
		return false, err
	}
	defer to.Close()
	return sameContent(from, to)
}

// Result is what Run has done.
type Result struct {
	// Copied are the objects that were copied, and compared.
	Copied Count
	// Gone are those that were deleted at the source meanwhile.
	Gone []string
	// Failed has why an object was not copied, by its key.
	Failed map[string]error
}

// mostFailures is how many objects may fail before Run ends, as with a server that is away.
const mostFailures = 20

// Run copies what a plan has. An object that fails does not end it, but mostFailures do. The
// error is the cause of a context that has ended: what is copied until then is whole.
func (m *Migration) Run(ctx context.Context, plan *Plan) (*Result, error) {
	objects := plan.Copy
	if m.Replace {
		objects = slices.Concat(plan.Copy, plan.Differ)
	}
	replaces := map[string]bool{}
	for _, o := range plan.Differ {
		replaces[o.Key] = m.Replace
	}
	result := &Result{Failed: map[string]error{}}
	var mu sync.Mutex
	count := func() Count {
		mu.Lock()
		defer mu.Unlock()
		return result.Copied
	}
	ends := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return ctx.Err() != nil || len(result.Failed) >= mostFailures
	}
	defer m.printProgress(count, Sum(objects))()
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, o := range objects {
		if ends() {
			break
		}
		group.Go(func() error {
			err := m.copy(ctx, o, replaces[o.Key])
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				result.Copied = Count{result.Copied.Objects + 1, result.Copied.Bytes + o.Size}
			case ctx.Err() != nil:
			case errors.Is(err, ErrGone):
				result.Gone = append(result.Gone, o.Key)
			default:
				result.Failed[o.Key] = err
			}
			return nil
		})
	}
	_ = group.Wait() // each error is in the result
	slices.Sort(result.Gone)
	return result, context.Cause(ctx)
}

// copy copies one object, and makes sure that the target has what the source has.
func (m *Migration) copy(ctx context.Context, o Object, replace bool) error {
	content, err := m.From.Open(ctx, o)
	if err != nil {
		return err
	}
	defer content.Close()
	sum := newChecksum(partSize(o.Size))
	content.ReadCloser = readCloser{io.TeeReader(content.ReadCloser, sum), content.ReadCloser}
	etag, err := m.To.Put(ctx, o, content, replace)
	if errors.Is(err, ErrExists) {
		return fmt.Errorf("%w at the target; run the same command again", err)
	}
	if err != nil {
		return err
	}
	if sum.read == o.Size && sum.isOf(o.ETag) && etag == sum.etag() {
		return nil
	}
	// The ETag of one of the servers is no checksum.
	same, err := m.equal(ctx, o, Object{Key: o.Key, Size: o.Size, ETag: etag})
	if err == nil && !same {
		err = errors.New("the target has another content than was written")
	}
	return err
}

// printProgress writes a line of progress now and then, until the function that it returns is called.
func (m *Migration) printProgress(count func() Count, all Count) (stop func()) {
	if m.Progress == nil || all.Objects == 0 {
		return func() {}
	}
	every, start := m.every, time.Now()
	if every == 0 {
		every = progressEvery
	}
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprintln(m.Progress, progress(count(), all, time.Since(start)))
			case <-ended:
				return
			}
		}
	}()
	return func() {
		close(ended)
		<-done
		fmt.Fprintln(m.Progress, progress(count(), all, time.Since(start)))
	}
}

func progress(done, all Count, took time.Duration) string {
	line := fmt.Sprintf("copied %d of %d objects, %s of %s", done.Objects, all.Objects, size(done.Bytes), size(all.Bytes))
	if done.Bytes > 0 && done.Bytes < all.Bytes && took > 0 {
		left := time.Duration(float64(took) * float64(all.Bytes-done.Bytes) / float64(done.Bytes))
		line += fmt.Sprintf(", about %s left", left.Round(time.Second))
	}
	return line
}
