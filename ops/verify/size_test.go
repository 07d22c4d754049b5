package verify

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestRetention(t *testing.T) {
	under := func(value any, path ...string) map[string]any {
		values := map[string]any{}
		at := values
		for _, key := range path[:len(path)-1] {
			next := map[string]any{}
			at[key], at = next, next
		}
		at[path[len(path)-1]] = value
		return values
	}
	assert.Equal(t, 48*time.Hour, retention(nil))
	assert.Equal(t, 336*time.Hour, retention(under("336h", "compactor", "config", "compaction", "block_retention")))
	assert.Equal(t, 24*time.Hour, retention(under("24h", "tempo", "retention")))
	both := under("336h", "compactor", "config", "compaction", "block_retention")
	both["overrides"] = under("12h", "defaults", "compaction", "block_retention")
	assert.Equal(t, 12*time.Hour, retention(both))
	assert.Equal(t, 48*time.Hour, retention(under("?", "tempo", "retention")))
}

func TestEstimate(t *testing.T) {
	now := time.Now()
	type object struct {
		block bool
		mib   int64
		age   time.Duration
	}
	for name, test := range map[string]struct {
		retention time.Duration
		objects   []object
		want      string
	}{
		"nothing":     {48 * time.Hour, nil, "0 objects, 0 B; no estimate before the first block is an hour old"},
		"a new block": {48 * time.Hour, []object{{true, 5, time.Minute}}, "1 objects, 5.0 MiB; no estimate before the first block is an hour old"},
		"half a day": {
			48 * time.Hour, []object{{true, 50, 12 * time.Hour}, {true, 50, time.Hour}, {false, 1, 100 * 24 * time.Hour}},
			"3 objects, 101 MiB; 200 MiB a day over the last 12h; kept for 48h: the bucket will hold about 400 MiB",
		},
		"two weeks, of which one counts": {
			336 * time.Hour, []object{{true, 999, 13 * 24 * time.Hour}, {true, 70, 6 * 24 * time.Hour}},
			"2 objects, 1.0 GiB; 10 MiB a day over the last 168h; kept for 336h: the bucket will hold about 140 MiB",
		},
		"what Tempo does not delete": {
			48 * time.Hour, []object{{true, 20, 24 * time.Hour}, {true, 30, 73 * time.Hour}, {true, 40, 71 * time.Hour}},
			"3 objects, 90 MiB; 10 MiB a day over the last 48h; kept for 48h: the bucket will hold about 20 MiB; 1 objects, 30 MiB, are older than that by more than a day: Tempo does not delete them",
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := &usage{now: now, window: min(longestWindow, test.retention), late: test.retention + day}
			for _, o := range test.objects {
				u.add(o.block, o.mib<<20, now.Add(-o.age))
			}
			assert.Equal(t, test.want, u.estimate(test.retention))
		})
	}
}
