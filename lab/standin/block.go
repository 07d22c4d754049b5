package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path"
	"time"
)

// blockMeta is the part of a block's meta.json that readers of the bucket use. Source:
// Tempo, tempodb/backend/block_meta.go.
type blockMeta struct {
	BlockID      string    `json:"blockID"`
	TenantID     string    `json:"tenantID"`
	StartTime    time.Time `json:"startTime"`
	EndTime      time.Time `json:"endTime"`
	TotalObjects int       `json:"totalObjects"`
	// ReplicationFactor is 1 for a block of a metrics-generator, and absent for one of
	// an ingester.
	ReplicationFactor int `json:"replicationFactor,omitempty"`
}

// cover extends the block's time by that of some spans, in whole seconds as Tempo has it.
func (m *blockMeta) cover(spans []flatSpan) {
	for _, s := range spans {
		start := atNanosecond(s.StartTimeUnixNano).UTC().Truncate(time.Second)
		end := atNanosecond(s.EndTimeUnixNano).UTC().Truncate(time.Second)
		if m.StartTime.IsZero() || start.Before(m.StartTime) {
			m.StartTime = start
		}
		if end.After(m.EndTime) {
			m.EndTime = end
		}
	}
}

// newBlockID returns a random UUID, of version 4.
func newBlockID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// writeBlock writes traces of a tenant and then the meta.json of their block, as Tempo
// does: TENANT/BLOCK/meta.json. The traces are beside the block, by their ids, because
// the stand-in finds a trace by the name of its objects.
func (p *process) writeBlock(ctx context.Context, b *buffer, tenant string, traces map[string][]flatSpan) (block string, err error) {
	meta := blockMeta{BlockID: newBlockID(), TenantID: tenant, TotalObjects: len(traces)}
	if b.prefix == blocksPrefix {
		meta.ReplicationFactor = 1
	}
	for id, spans := range traces {
		content, err := marshalJSON(toOTLP(spans))
		if err != nil {
			return "", err
		}
		name := fmt.Sprintf("%s/%s%s/%s-%d.json", tenant, b.prefix, id, p.name, time.Now().UnixNano())
		if err := p.bucket.put(ctx, name, content); err != nil {
			return "", err
		}
		meta.cover(spans)
	}
	content, err := json.Marshal(meta)
	if err != nil {
		return "", err
	}
	return meta.BlockID, p.bucket.put(ctx, path.Join(tenant, meta.BlockID, "meta.json"), content)
}
