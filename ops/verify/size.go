package verify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// defaultRetention is how long Tempo keeps traces by the charts' defaults (tempo-distributed
// 1.61.3 and 2.26.2, tempo 2.2.4).
const defaultRetention = 48 * time.Hour

// retention returns how long traces are kept by a chart's values. The overrides have precedence.
// Source: Tempo, tempodb/retention.go.
func retention(values map[string]any) time.Duration {
	for _, path := range [][]string{
		{"overrides", "defaults", "compaction", "block_retention"},
		{"tempo", "overrides", "defaults", "compaction", "block_retention"},
		{"compactor", "config", "compaction", "block_retention"},
		{"tempo", "retention"},
	} {
		text, _ := lookUp(values, path...).(string)
		if d, err := time.ParseDuration(text); err == nil && d > 0 {
			return d
		}
	}
	return defaultRetention
}

const (
	day = 24 * time.Hour
	// longestWindow limits the period over which the bytes a day are measured.
	longestWindow = 7 * day
	// shortestWindow is the shortest period from which the bytes a day are estimated.
	shortestWindow = time.Hour
)

// usage is what a bucket holds at a time.
type usage struct {
	now    time.Time
	window time.Duration // over which the bytes a day are seen, at most
	late   time.Duration // the age from which objects should be deleted

	objects, bytes         int64
	recent                 int64 // bytes within the window
	oldest                 time.Time
	lateObjects, lateBytes int64
}

// add adds an object. Only the objects of blocks count as late, because Tempo deletes no others
// by age.
func (u *usage) add(block bool, size int64, written time.Time) {
	u.objects++
	u.bytes += size
	age := u.now.Sub(written)
	if !block {
		return
	}
	if u.oldest.IsZero() || written.Before(u.oldest) {
		u.oldest = written
	}
	if age <= u.window {
		u.recent += size
	}
	if age > u.late {
		u.lateObjects++
		u.lateBytes += size
	}
}

// estimate says what the bucket will hold with a retention.
func (u *usage) estimate(retention time.Duration) string {
	text := fmt.Sprintf("%d objects, %s", u.objects, bytesOf(float64(u.bytes)))
	seen := min(u.window, u.now.Sub(u.oldest))
	if u.oldest.IsZero() || seen < shortestWindow {
		return text + "; no estimate before the first block is an hour old"
	}
	perDay := float64(u.recent) * float64(day) / float64(seen)
	text += fmt.Sprintf("; %s a day over the last %s; kept for %s: the bucket will hold about %s",
		bytesOf(perDay), hours(seen), hours(retention), bytesOf(perDay*float64(retention)/float64(day)))
	if u.lateObjects > 0 {
		text += fmt.Sprintf("; %d objects, %s, are older than that by more than a day: Tempo does not delete them", u.lateObjects, bytesOf(float64(u.lateBytes)))
	}
	return text
}

func bytesOf(n float64) string { return humanize.IBytes(uint64(max(n, 0))) }

// hours returns a duration in hours, as the key retention has it.
func hours(d time.Duration) string { return fmt.Sprintf("%.0fh", d.Hours()) }

// size estimates what the bucket will hold: from the objects' times of writing, and from how
// long traces are kept.
func (r *run) size(ctx context.Context) (string, error) {
	switch {
	case r.Secret == "":
		return "", skip("credentials: inline: no Secret has the keys")
	case r.keys.AccessKey == "":
		return "", skip("the keys in the Secret do not open the bucket")
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout())
	defer cancel()
	kept := orDefault(r.Retention, defaultRetention)
	u := &usage{now: time.Now(), window: min(longestWindow, kept), late: kept + day}
	err := r.Store.Each(ctx, r.keys, r.Bucket, func(name string, size int64, written time.Time) {
		u.add(strings.Count(name, "/") > 1, size, written) // TENANT/BLOCK/…
	})
	if timedOut(err) {
		return "", skip("the bucket has more than %d objects, which were not listed in %s: add --timeout %s", u.objects, r.timeout(), 5*r.timeout())
	}
	if err != nil {
		return "", at(r.server(), r.drift(), reason(err))
	}
	return u.estimate(kept), nil
}
