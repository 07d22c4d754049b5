package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// errNotFound is the error for a path that the API server does not have.
var errNotFound = errors.New("not found")

// Kinds returns the kinds that the API server has in a version, such as
// monitoring.coreos.com/v1; none if it does not have the version. Every account may read
// them (role system:discovery).
func (c *Client) Kinds(ctx context.Context, version string) (kinds []string, err error) {
	body, err := c.get(ctx, "apis/"+version, nil)
	if errors.Is(err, errNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list struct {
		Resources []struct{ Kind string }
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("GET apis/%s: %w", version, err)
	}
	for _, r := range list.Resources {
		kinds = append(kinds, r.Kind)
	}
	return kinds, nil
}
