package stacks

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

func notEmpty(value string) error {
	if value == "" {
		return errors.New("is empty")
	}
	return nil
}

// host is a DNS name or an address, in square brackets if it is one of IPv6:
// nothing that a template, a shell or YAML would read otherwise.
var host = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])$`)

// hostPort takes what an S3 client takes: a host and, if it is not the
// protocol's own, a port.
func hostPort(value string) error {
	u, err := url.Parse("//" + value)
	if err != nil || u.Host != value {
		return errors.New("is not a host:port, which has neither a scheme nor a path")
	}
	name := u.Host
	if port := u.Port(); port != "" {
		name = name[:len(name)-len(port)-1]
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("has port %s, which is not one of 1 to 65535", port)
		}
	}
	if !host.MatchString(name) || len(name) > 253 {
		return errors.New("is not a host:port of a DNS name or an address")
	}
	return nil
}

func webURL(value string) error {
	u, err := url.Parse(value)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || !host.MatchString(u.Hostname()) && !host.MatchString("["+u.Hostname()+"]") {
		return errors.New("is not a URL that starts with http:// or https:// and a host")
	}
	if u.User != nil {
		return errors.New("has a user in it, whose password would stand in plain text")
	}
	return nil
}

// region is what S3 servers call regions: eu-west-1, or any word.
var region = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

func regionName(value string) error {
	if !region.MatchString(value) {
		return errors.New("is not a region like eu-west-1")
	}
	return nil
}

// uid is what Grafana takes for one.
// Source: https://grafana.com/docs/grafana/latest/developers/http_api/data_source/
var uid = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

func grafanaUID(value string) error {
	if !uid.MatchString(value) {
		return errors.New("is not a uid: 1 to 40 letters, digits, - or _")
	}
	return nil
}

func duration(value string) error {
	d, err := time.ParseDuration(value)
	if err != nil {
		return errors.New("is not a duration like 336h or 90m")
	}
	if d < time.Hour {
		return errors.New("is less than an hour, in which nobody could have looked at a trace")
	}
	return nil
}

func quantity(value string) error {
	q, err := resource.ParseQuantity(value)
	if err != nil {
		return errors.New("is not a quantity like 10Gi, 512Mi or 250m")
	}
	if q.Sign() <= 0 {
		return errors.New("is not more than zero")
	}
	return nil
}
