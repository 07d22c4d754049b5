package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWayOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	require.NoError(t, os.WriteFile(path, []byte(`{"sequence":0,"preludeEvent":{}}
{"sequence":1,"diagnosticEvent":{"message":"rpc error: etcdserver: mvcc: database space exceeded","severity":"error"}}
{"sequence":2,"diagnosticEvent":{"message":"exceeded quota","severity":"warning"}}
{"sequence":3,"diagnosticEvent":{"message":"etcdserver: mvcc: database space exceeded","severity":"error"}}
{"sequence":4,"diagnosticEvent":{"message":"update failed","severity":"error"}}
`), 0o600))
	found := loggedErrors(path)
	assert.Len(t, found, 3)
	assert.Contains(t, wayOut(found), "etcd, the store of Kubernetes, is full")
	assert.NotContains(t, wayOut(found), "\n", "it is said twice")
	assert.Empty(t, wayOut([]string{"update failed"}))
	assert.Empty(t, loggedErrors(path+".none"))
}
