//lint:file-ignore SA1019 Grafana's sidecar and operator read the first form of a dashboard, which every Grafana has

package main

import (
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// tag is on every dashboard, by which they link to each other.
const tag = "picluster-tempo"

// dashboards returns every dashboard as JSON, by the name of its file.
func dashboards() (map[string][]byte, error) {
	all := map[string][]byte{}
	for name, d := range map[string]*dashboard.DashboardBuilder{
		"writes":    writes(),
		"reads":     reads(),
		"resources": resources(),
		"services":  services(),
	} {
		built, err := d.Build()
		if err != nil {
			return nil, fmt.Errorf("dashboard %s: %w", name, err)
		}
		text, err := json.MarshalIndent(built, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("dashboard %s: %w", name, err)
		}
		all[name] = append(text, '\n')
	}
	return all, nil
}

// newDashboard returns a dashboard that has no panel yet. Its uid and the data sources that
// it starts with are set when it is delivered.
func newDashboard(title, description string) *dashboard.DashboardBuilder {
	return dashboard.NewDashboardBuilder(title).
		Description(description).
		Tags([]string{tag}).
		Timezone("browser").
		Time("now-1h", "now").
		Refresh("1m").
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Readonly().
		Link(dashboard.NewDashboardLinkBuilder("Tempo").
			Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{tag}).
			AsDropdown(true).IncludeVars(true).KeepTime(true)).
		WithVariable(datasource("prometheus", "Prometheus"))
}

// ofTempo returns a dashboard of the Tempos of the namespaces that are chosen.
func ofTempo(title, description string) *dashboard.DashboardBuilder {
	return newDashboard(title, description).WithVariable(choice("namespace", "Namespace", "label_values(tempo_build_info, namespace)"))
}

// datasource returns a variable that is a data source of a type, which is its name.
func datasource(name, label string) *dashboard.DatasourceVariableBuilder {
	return dashboard.NewDatasourceVariableBuilder(name).Label(label).Type(name)
}

// choice returns a variable with one, several or all of the results of a query.
func choice(name, label, query string) *dashboard.QueryVariableBuilder {
	all := "$__all"
	return dashboard.NewQueryVariableBuilder(name).
		Label(label).
		Datasource(prometheusRef()).
		Query(dashboard.StringOrMap{String: &query}).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortAlphabeticalAsc).
		Multi(true).
		IncludeAll(true).
		Current(dashboard.VariableOption{
			Text:  dashboard.StringOrArrayOfString{String: cog.ToPtr("All")},
			Value: dashboard.StringOrArrayOfString{String: &all},
		})
}

func prometheusRef() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${prometheus}")}
}

// query is an expression in PromQL, and the legend of its results.
type query struct{ expr, legend string }

// Units of panels. The SDK has no name for perSecond.
const (
	perSecond = "cps" // counts a second
	percent   = units.Percent
	seconds   = units.Seconds
	binary    = units.BytesIEC
	short     = units.Short
)

// graph returns a panel of time series, half as wide as the dashboard.
func graph(title, description, unit string, queries ...query) *timeseries.PanelBuilder {
	panel := timeseries.NewPanelBuilder().
		Title(title).
		Description(description).
		Datasource(prometheusRef()).
		Unit(unit).
		Min(0).
		Span(12).
		Height(8).
		FillOpacity(10).
		ShowPoints(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().
			ShowLegend(true).
			DisplayMode(common.LegendDisplayModeList).
			Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().
			Mode(common.TooltipDisplayModeMulti).
			Sort(common.SortOrderDescending))
	for i, q := range queries {
		panel = panel.WithTarget(prometheus.NewDataqueryBuilder().
			RefId(string(rune('A' + i))).
			Datasource(prometheusRef()).
			Expr(q.expr).
			LegendFormat(q.legend).
			Range())
	}
	return panel
}

func row(title string) *dashboard.RowBuilder { return dashboard.NewRowBuilder(title) }

// quantiles returns the median, the 95th and the 99th percentile of a histogram whose rate
// is summed by le.
func quantiles(rate string) []query {
	var all []query
	for _, q := range []struct{ quantile, legend string }{{"0.5", "median"}, {"0.95", "95 %"}, {"0.99", "99 %"}} {
		all = append(all, query{fmt.Sprintf("histogram_quantile(%s, %s)", q.quantile, rate), q.legend})
	}
	return all
}
