package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/picluster/picluster/components/tempo/chart"
	"golang.org/x/mod/semver"
)

// readVersion returns the version of the Tempo that the image's tag names, such as
// "v2.10.7". Its source is the variable STANDIN_VERSION, or else the file.
func readVersion(variable, file string) (string, error) {
	text := variable
	if text == "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("STANDIN_VERSION: got \"\"; want the image's tag, such as 2.10.7, in this variable or in a file: %w", err)
		}
		text = string(content)
	}
	version := "v" + strings.TrimPrefix(strings.TrimSpace(text), "v")
	if !semver.IsValid(version) {
		return "", fmt.Errorf("STANDIN_VERSION: got %q; want a version of Tempo such as 2.10.7", text)
	}
	return version, nil
}

// hasOpenCensus reports whether this Tempo has the receiver.
func hasOpenCensus(version string) bool {
	has, _ := chart.Chart{TempoVersion: strings.TrimPrefix(version, "v")}.OpenCensus()
	return has
}

// hasLocalBlocks reports whether this Tempo needs the generator's processor
// local-blocks for TraceQL metrics. Tempo 3 has them without one.
func hasLocalBlocks(version string) bool {
	return semver.Compare(version, "v3.0.0-0") < 0
}
