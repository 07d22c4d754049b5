package prometheus

import (
	"maps"
	"slices"

	"github.com/picluster/picluster/internal/credential"
	"github.com/picluster/picluster/internal/field"
	"github.com/picluster/picluster/internal/rule"
)

// The names of the thresholds: what an alert's expression is compared with.
const (
	// BucketGrowthPercent is by how much the bucket grows within the retention.
	BucketGrowthPercent = "bucketGrowthPercent"
	// LostSpansPercent is how many of the spans are refused or discarded.
	LostSpansPercent = "lostSpansPercent"
	// MemoryPercent is how much of its limit a container uses.
	MemoryPercent = "memoryPercent"
	// OutstandingBlocks is how many blocks a compactor has left to compact.
	OutstandingBlocks = "outstandingBlocks"
	// QueryErrorPercent is how many of the queries fail.
	QueryErrorPercent = "queryErrorPercent"
	// QuerySeconds is the 95th percentile of the duration of queries, in seconds.
	QuerySeconds = "querySeconds"
	// S3ErrorPercent is how many of the requests to the S3 server fail.
	S3ErrorPercent = "s3ErrorPercent"
)

// defaults are the thresholds unless others are given.
var defaults = map[string]int{
	BucketGrowthPercent: 50,
	LostSpansPercent:    1,
	MemoryPercent:       90,
	OutstandingBlocks:   100,
	QueryErrorPercent:   5,
	QuerySeconds:        10,
	S3ErrorPercent:      5,
}

// Thresholds returns the default of each threshold by its name.
func Thresholds() map[string]int { return maps.Clone(defaults) }

// most is the highest value that can be exceeded: a share of a whole is at most 100 %.
var most = map[string]int{LostSpansPercent: 99, MemoryPercent: 99, QueryErrorPercent: 99, S3ErrorPercent: 99}

// checkThresholds appends a problem for each threshold with an unknown name, and for each with
// a value that is negative or cannot be exceeded.
func checkThresholds(errs *field.Errors, thresholds map[string]int) {
	names := slices.Sorted(maps.Keys(defaults))
	for _, name := range slices.Sorted(maps.Keys(thresholds)) {
		path, value := credential.Join("Thresholds", name), thresholds[name]
		if err := rule.ValidateOneOf(name, names); err != nil {
			errs.Check(path, name, err)
		} else if limit := most[name]; limit > 0 && (value < 0 || value > limit) {
			errs.Add(path, value, "0 to %d", limit)
		} else if value < 0 {
			errs.Add(path, value, "0 or more")
		}
	}
}
