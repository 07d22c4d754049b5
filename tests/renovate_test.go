package tests

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRenovate has renovate.json name files that exist, and find the version of Pulumi in
// them.
func TestRenovate(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "renovate.json"))
	require.NoError(t, err)
	var config struct {
		IgnorePaths    []string `json:"ignorePaths"`
		CustomManagers []struct {
			ManagerFilePatterns []string `json:"managerFilePatterns"`
			MatchStrings        []string `json:"matchStrings"`
		} `json:"customManagers"`
		PackageRules []struct {
			MatchFileNames    []string `json:"matchFileNames"`
			MatchPackageNames []string `json:"matchPackageNames"`
			Enabled           *bool    `json:"enabled"`
		} `json:"packageRules"`
	}
	require.NoError(t, json.Unmarshal(text, &config))
	assert.NotNil(t, config.IgnorePaths, "the default of config:recommended leaves out examples and tests")
	assert.Empty(t, config.IgnorePaths)

	require.Len(t, config.CustomManagers, 2)
	for _, manager := range config.CustomManagers {
		require.Len(t, manager.ManagerFilePatterns, 1)
		require.Len(t, manager.MatchStrings, 1)
		path := strings.NewReplacer("/^", "", "$/", "", `\.`, ".").Replace(manager.ManagerFilePatterns[0])
		text, err := os.ReadFile(filepath.Join("..", path))
		require.NoError(t, err)
		found := regexp.MustCompile(manager.MatchStrings[0]).FindSubmatch(text)
		require.Len(t, found, 2, path)
		assert.Equal(t, pulumiVersion(t), strings.TrimPrefix(string(found[1]), "v"), path)
	}
	var disabled []string
	for _, rule := range config.PackageRules {
		if rule.Enabled != nil && !*rule.Enabled {
			disabled = append(disabled, rule.MatchFileNames...)
			disabled = append(disabled, rule.MatchPackageNames...)
		}
		for _, pattern := range rule.MatchFileNames {
			assert.DirExists(t, filepath.Join("..", filepath.Dir(strings.Trim(pattern, "!*"))), pattern)
		}
	}
	assert.Equal(t, []string{"lab/parts/language/**", "github.com/pulumi/pulumi/sdk/v3"}, disabled,
		"a newer SDK has no language host")
}
