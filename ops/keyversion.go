package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/picluster/picluster/ops/engine"
)

// checkKeyVersion returns an error if the configuration has another key version than
// it can have after the state's. A lower one is of a checkout in which a rotation was
// not committed: an up would revoke the key that is in use once more. A tenant of
// install: false keeps the version before alone, so that a higher one by more than 1
// would revoke the key that its pods have.
func checkKeyVersion(state *engine.State, config engine.Config) error {
	have := state.KeyVersion()
	text := config.Own("keyVersion", "1")
	want, err := strconv.Atoi(text)
	if err != nil || have == 0 {
		return nil // the program reports what is no number
	}
	switch {
	case isImported(state, config, want):
		return errors.New("keyVersion: got 1, which the user has that was imported; want 2, because this up would revoke the user's key while pods have it. Fix: pulumi config set keyVersion 2")
	case want < have:
		return fmt.Errorf("keyVersion: got %d; want %d or more, which the stack has. Fix: pulumi config set keyVersion %[2]d", want, have)
	case want > have+1 && hasUnmanagedTenant(config):
		return fmt.Errorf("keyVersion: got %d; want %d or %d: a tenant of install: false keeps one earlier key. Fix: pulumi config set keyVersion %[3]d", want, have, have+1)
	}
	return nil
}

// isImported says whether an up with a key version would generate another key for a user
// that was imported. Pods have the key that it has now.
func isImported(state *engine.State, config engine.Config, version int) bool {
	return version == 1 && replacesImported(config) && slices.ContainsFunc(state.Of(engine.UserType), func(r *engine.Resource) bool { return r.Text("secret") == "" })
}

// replacesImported says whether a user that is imported is to be replaced by another one:
// not if it keeps its key, nor if a tenant's pods restart unseen.
func replacesImported(config engine.Config) bool {
	return config.Own("credentials", "secret") != "existing" && !hasUnmanagedTenant(config)
}

// hasUnmanagedTenant says whether a tenant's release is managed elsewhere.
func hasUnmanagedTenant(config engine.Config) bool {
	var tenants []struct {
		Install *bool `json:"install"`
	}
	if json.Unmarshal([]byte(config.Own("tenants", "[]")), &tenants) != nil {
		return false // the program reports it
	}
	for _, tenant := range tenants {
		if tenant.Install != nil && !*tenant.Install {
			return true
		}
	}
	return false
}
