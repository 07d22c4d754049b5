package chart_test

import (
	"fmt"

	"github.com/picluster/picluster/components/tempo/chart"
)

// A version of the chart that deploys Tempo 3 requires Kafka.
func ExampleValidateVersion() {
	fmt.Println(chart.ValidateVersion(chart.Microservices, "2.26.2"))
	fmt.Println(chart.ValidateVersion(chart.Microservices, "3.3.0") != nil)
	// Output:
	// <nil>
	// true
}
