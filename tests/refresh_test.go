package tests

import (
	"github.com/minio/madmin-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// brokenByHand breaks one thing after the other; a refresh must see it, and `up
// --refresh` must mend it.
func brokenByHand(h harness) {
	before := h.secretKeys()
	for name, test := range map[string]struct {
		breakIt func(h harness)
		mended  func(h harness)
	}{
		"the Secret's data": {
			func(h harness) {
				h.kubectl("patch", "secret", "--namespace=tempo", "tempo-minio-secret", "--patch", `{"stringData":{"MINIO_SECRET_ACCESS_KEY":"wrong"}}`)
			},
			func(h harness) { assert.Equal(h, before, h.secretKeys()) },
		},
		"the policy, detached": {
			func(h harness) {
				_, err := h.admin(h.administrator()).DetachPolicy(h.Context(), madmin.PolicyAssociationReq{Policies: []string{"tempo"}, User: "tempo"})
				require.NoError(h, err)
			},
			keyOpensBucket,
		},
		"the policy, widened": {
			func(h harness) {
				require.NoError(h, h.admin(h.administrator()).AddCannedPolicy(h.Context(), "tempo",
					[]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]}]}`)))
			},
			func(h harness) {
				policy, err := h.admin(h.administrator()).InfoCannedPolicyV2(h.Context(), "tempo")
				require.NoError(h, err)
				assert.NotContains(h, string(policy.Policy), "s3:*")
			},
		},
	} {
		h.sub(name, func(h harness) {
			test.breakIt(h)
			out, err := h.stack("refresh", "--preview-only", noChanges)
			assert.Error(h, err, "a refresh does not see it:\n%s", out)
			h.mustStack("up", "--yes", "--skip-preview", "--refresh")
			test.mended(h)
			h.mustStack("refresh", "--preview-only", noChanges)
		})
	}
}
