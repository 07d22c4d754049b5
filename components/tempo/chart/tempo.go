package chart

import (
	"errors"

	"github.com/picluster/picluster/internal/rule"
	"golang.org/x/mod/semver"
)

// patched are the tags of images that are newer than a chart's own, by the chart's mode
// and version, because of security fixes. Source: Tempo's CHANGELOG, 2.10.8.
var patched = map[string]string{
	"microservices 2.26.2": "2.10.8", // the chart has 2.10.7
}

// openCensusDropped are the first versions without the OpenCensus receiver, by Tempo's line.
// If that receiver is configured, their distributor exits at its start. Later lines never
// have it. Source: Tempo's CHANGELOG; modules/distributor/receiver/shim.go.
var openCensusDropped = map[string]string{"v2.9": "v2.9.3", "v2.10": "v2.10.6"}

// firstWithoutOpenCensus is the first version of chart tempo-distributed whose own Tempo,
// 2.10.6, does not have the receiver. Source: the chart's history of appVersion.
const firstWithoutOpenCensus = "v2.23.5"

// OpenCensus says whether the Tempo of a chart has the OpenCensus receiver, and if not,
// what dropped it.
func (c Chart) OpenCensus() (has bool, dropped string) {
	if c.TempoVersion == "" {
		if c.Mode != Monolithic && semver.Compare("v"+c.Version, firstWithoutOpenCensus) < 0 {
			return true, ""
		}
		return false, "Tempo 2.10.6"
	}
	version := "v" + c.TempoVersion
	first, known := openCensusDropped[semver.MajorMinor(version)]
	if !known {
		first = "v2.10.6"
	}
	if semver.Compare(version, first) >= 0 {
		return false, "Tempo " + first[1:]
	}
	return true, ""
}

// ValidateTempo returns an error unless this project has values for a version of Tempo.
func ValidateTempo(version string) error {
	if err := rule.ValidateExactVersion(version, "2.10.8"); err != nil {
		return err
	}
	if semver.Major("v"+version) != "v2" {
		return errors.New("a version of Tempo 2, which the charts configure")
	}
	return nil
}

// separateCaches is the first version of chart tempo-distributed with a cache section for
// each role.
const separateCaches = "v2.11.0"

// HasSeparateCaches says whether the chart has a section for a cache of each role.
// Source: grafana-community/helm-charts, pull request 325.
func (c Chart) HasSeparateCaches() bool {
	return c.Mode != Monolithic && semver.Compare("v"+c.Version, separateCaches) >= 0
}
