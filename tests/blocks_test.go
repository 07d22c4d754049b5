package tests

import (
	"encoding/json"
	"path"
	"slices"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/require"
)

// ingesterBlocks returns the blocks that ingesters have written to the bucket, whether a
// compactor has merged them since or not. Source of the fields: Tempo,
// tempodb/backend/block_meta.go.
func (h harness) ingesterBlocks() map[string]bool {
	h.T.Helper()
	client, blocks := h.s3(h.administrator()), map[string]bool{}
	for object := range client.ListObjects(h.Context(), "k3s-tempo", minio.ListObjectsOptions{Prefix: "single-tenant/", Recursive: true}) {
		require.NoError(h, object.Err)
		if !slices.Contains([]string{"meta.json", "meta.compacted.json"}, path.Base(object.Key)) {
			continue
		}
		content, err := client.GetObject(h.Context(), "k3s-tempo", object.Key, minio.GetObjectOptions{})
		require.NoError(h, err)
		var meta struct {
			CompactionLevel   int `json:"compactionLevel"`   // 0 before it was merged
			ReplicationFactor int `json:"replicationFactor"` // 1 of a metrics-generator
		}
		err = json.NewDecoder(content).Decode(&meta)
		if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
			continue // merged since the listing
		}
		require.NoError(h, err, object.Key)
		if meta.CompactionLevel == 0 && meta.ReplicationFactor != 1 {
			blocks[path.Dir(object.Key)] = true
		}
	}
	return blocks
}
