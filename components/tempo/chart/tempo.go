package chart

import (
	"cmp"
	"errors"
	"slices"

	"github.com/picluster/picluster/internal/rule"
	"golang.org/x/mod/semver"
)

// TempoVersions returns the tags of Tempo's image that were tested: those of the charts, and the
// newest of their lines.
func TempoVersions() (tags []string) {
	for _, l := range lines {
		tags = append(tags, l.tempo, l.fixed)
	}
	slices.SortFunc(tags, func(a, b string) int { return semver.Compare("v"+a, "v"+b) })
	return slices.Compact(tags)
}

// OpenCensus says whether the Tempo of a chart has the OpenCensus receiver, and if not,
// what dropped it.
func (c Chart) OpenCensus() (has bool, dropped string) {
	last := tempoLines[len(tempoLines)-1].noOpenCensus
	if c.TempoVersion == "" {
		first := cmp.Or(c.line().noOpenCensus, "v3") // of no line, or of one that has it throughout
		if semver.Compare("v"+c.Version, first) < 0 {
			return true, ""
		}
		return false, "Tempo " + last[1:]
	}
	version, first := "v"+c.TempoVersion, last
	for _, l := range tempoLines {
		if l.line == semver.MajorMinor(version) {
			first = l.noOpenCensus
		}
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

// HasSeparateCaches says whether the chart has a section for a cache of each role.
func (c Chart) HasSeparateCaches() bool {
	first := c.line().separateCaches
	return first != "" && semver.Compare("v"+c.Version, first) >= 0
}
