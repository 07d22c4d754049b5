package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/picluster/picluster/ops/engine"
)

// checkKeyVersion returns an error if the key version of the configuration cannot follow the one
// of the state. A lower version is of a checkout in which a rotation was not committed: an up
// would revoke the key that is in use. A tenant of install: false keeps one earlier key: a
// version higher by more than 1 would revoke the key that its pods have. Users that are managed
// elsewhere have no versions. own returns the value of a key of the configuration, or the
// default.
func checkKeyVersion(state *engine.State, own func(name, def string) string) error {
	have := state.KeyVersion()
	want, err := strconv.Atoi(own("keyVersion", "1"))
	if err != nil || have == 0 {
		return nil // the program reports what is no number
	}
	if own("objectStore", "minio") == "existing" {
		return nil // it has no key version
	}
	if manages, err := strconv.ParseBool(own("manageUser", "true")); err == nil && !manages {
		return nil // checkKeySource looks whose keys pods have then
	}
	switch {
	case isImported(state, own, want):
		return fmt.Errorf("keyVersion: got %d, which the user has that was imported; want %d, because this up would revoke the user's key while pods have it. Fix: pulumi config set keyVersion %[2]d", want, want+1)
	case want < have:
		return fmt.Errorf("keyVersion: got %d; want %d or more, which the stack has. Fix: pulumi config set keyVersion %[2]d", want, have)
	case want > have+1 && hasUnmanagedTenant(own):
		return fmt.Errorf("keyVersion: got %d; want %d or %d: a tenant of install: false keeps one earlier key. Fix: pulumi config set keyVersion %[3]d", want, have, have+1)
	}
	return nil
}

// isImported returns whether an up with a key version would generate another key for a user
// that was imported. Pods have the key that it has now.
func isImported(state *engine.State, own func(name, def string) string, version int) bool {
	return replacesImported(own) && slices.ContainsFunc(state.Of(engine.UserType), func(r *engine.Resource) bool {
		return r.Text("secret") == "" && versionOf(r) == version
	})
}

// replacesImported returns whether another user replaces an imported one. None does with
// credentials: existing, because the user keeps its key, nor with a tenant of install: false,
// because picluster does not see its pods restart.
func replacesImported(own func(name, def string) string) bool {
	return own("credentials", "secret") != "existing" && !hasUnmanagedTenant(own)
}

// hasUnmanagedTenant returns whether a tenant's release is managed elsewhere.
func hasUnmanagedTenant(own func(name, def string) string) bool {
	var tenants []struct {
		Install *bool `json:"install"`
	}
	if json.Unmarshal([]byte(own("tenants", "[]")), &tenants) != nil {
		return false // the program reports it
	}
	for _, tenant := range tenants {
		if tenant.Install != nil && !*tenant.Install {
			return true
		}
	}
	return false
}
