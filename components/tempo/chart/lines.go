package chart

// community is the repository in which Tempo's charts are maintained since 2026.
const community = "https://grafana-community.github.io/helm-charts"

// line is what this project knows of a line of versions of a chart. The services and the sections
// of the values are those of the mode: they are the same in the lines of tempo-distributed, except
// for caches.
type line struct {
	mode, chart string
	major       string // v1, v2, …
	repository  string
	// version is the newest version that was tested, and tempo the tag of its own image.
	version, tempo string
	// fixed is the newest tag of tempo's line, which has security fixes. If deploysFixed, version
	// is deployed with it in place of tempo. Source: Tempo's CHANGELOG.
	fixed        string
	deploysFixed bool
	// noOpenCensus is the first version whose own Tempo lacks the OpenCensus receiver; empty if no
	// version does. Source: the chart's history of appVersion.
	noOpenCensus string
	// separateCaches is the first version with a cache section for each role; empty if no version
	// has it. Source: grafana-community/helm-charts, pull request 325.
	separateCaches string
}

// lines are the lines that this project has values for. The last of a mode is its default.
// grafana's chart tempo-distributed is deprecated since 1.61.3, the last of line 1.
var lines = []line{
	{
		mode: Microservices, chart: "tempo-distributed", major: "v1", repository: "https://grafana.github.io/helm-charts",
		version: "1.61.3", tempo: "2.9.0", fixed: "2.9.5",
	},
	{
		mode: Microservices, chart: "tempo-distributed", major: "v2", repository: community,
		version: "2.26.2", tempo: "2.10.7", fixed: "2.10.8", deploysFixed: true, noOpenCensus: "v2.23.5", separateCaches: "v2.11.0",
	},
	{
		mode: Monolithic, chart: "tempo", major: "v2", repository: community,
		version: "2.2.4", tempo: "2.10.8", fixed: "2.10.8", noOpenCensus: "v2.0.0",
	},
}

// tempoLines are the lines of Tempo that lost the OpenCensus receiver on the way, each with the
// first version without it. If that receiver is configured, their distributor exits at its start.
// Later lines never have it. Source: Tempo's CHANGELOG; modules/distributor/receiver/shim.go.
var tempoLines = []struct{ line, noOpenCensus string }{
	{"v2.9", "v2.9.3"},
	{"v2.10", "v2.10.6"},
}
