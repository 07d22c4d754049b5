package grafana

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// Datasource is a data source of the caller's own. Text in it reaches Grafana as it is: a
// variable of a link is ${…}, without the escape of a provisioning file.
type Datasource struct {
	// Name is the data source's name in Grafana. Required.
	Name string `pulumi:"name"`
	// Type is the data source's plugin, such as prometheus. Required.
	Type string `pulumi:"type"`
	// UID is the data source's uid, which links name: 1 to 40 letters, digits, - or _.
	// Required.
	UID string `pulumi:"uid"`
	// URL is the server's URL, as Grafana reaches it. Required.
	URL pulumi.StringInput `pulumi:"url"`
	// JSONData are the plugin's settings.
	JSONData pulumi.MapInput `pulumi:"jsonData,optional"`
	// SecureJSONData are the settings that Grafana encrypts. Pulumi encrypts them too, but
	// the ConfigMap, Helm's record or the object that delivers them does not. A reference
	// is not escaped: $__file{PATH}, $__env{NAME} or ${NAME}, which Grafana expands in all
	// deliveries but Operator.
	SecureJSONData pulumi.StringMapInput `pulumi:"secureJsonData,optional"`
}

// datasource is an entry of Grafana's provisioning, as Grafana reads it once every escape
// is undone.
// Source: https://grafana.com/docs/grafana/latest/administration/provisioning/#data-sources
type datasource struct {
	Name           string            `json:"name"`
	Type           string            `json:"type"`
	UID            string            `json:"uid"`
	Access         string            `json:"access"`
	URL            string            `json:"url"`
	JSONData       map[string]any    `json:"jsonData,omitempty"`
	SecureJSONData map[string]string `json:"secureJsonData,omitempty"`

	// references says that a value of SecureJSONData can be a reference.
	references bool
}

// proxy is the access by Grafana's server, and not by the reader's browser.
const proxy = "proxy"

// output returns the data source once its inputs are known.
func (d Datasource) output(path string) pulumi.Output {
	settings, secrets := d.JSONData, d.SecureJSONData
	if settings == nil {
		settings = pulumi.Map{}
	}
	if secrets == nil {
		secrets = pulumi.StringMap{}
	} else {
		secrets = pulumi.ToSecret(secrets).(pulumi.StringMapOutput)
	}
	return pulumi.All(checkedURL(path+".URL", d.URL), settings, secrets).ApplyT(func(known []any) []datasource {
		return []datasource{{
			Name:           d.Name,
			Type:           d.Type,
			UID:            d.UID,
			Access:         proxy,
			URL:            known[0].(string),
			JSONData:       known[1].(map[string]any),
			SecureJSONData: known[2].(map[string]string),
			references:     true,
		}}
	})
}
