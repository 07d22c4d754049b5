package main

import (
	"strings"
	"testing"

	"github.com/picluster/picluster/components/componenttest"
)

// TestProgram runs the program on mocks, as a preview and as an update.
func TestProgram(t *testing.T) {
	for _, preview := range []bool{true, false} {
		resources, err := componenttest.Run(t, preview, nil, program)
		if err != nil {
			t.Fatal(err)
		}
		for _, tenant := range []string{"payments", "shop"} {
			name := "tempo-" + tenant
			componenttest.Find(t, resources, "kubernetes:helm.sh/v3:Release", name+"-release")
			user := componenttest.Find(t, resources, "minio:index/iamUser:IamUser", name+"-user")
			if user.Inputs["name"].StringValue() != name {
				t.Errorf("the user of %s is %v", tenant, user.Inputs["name"])
			}
		}
		if preview {
			continue // the URLs are not known yet
		}
		datasources := componenttest.Find(t, resources, "kubernetes:core/v1:ConfigMap", "tenants-datasources")
		file := datasources.Inputs["data"].ObjectValue()["tempo-datasources.yaml"].StringValue()
		for _, want := range []string{"//tempo-payments-query-frontend.tempo-payments.", "//tempo-shop-query-frontend.tempo-shop.", "uid: tempo-shop"} {
			if !strings.Contains(file, want) {
				t.Errorf("the data sources lack %q:\n%s", want, file)
			}
		}
	}
}
