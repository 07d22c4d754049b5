// Package rule has the rules for values that several components take. Each returns nil, or
// an error whose text is the rule as a noun phrase, as field.Errors.Check takes it.
package rule

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/semver"
	"k8s.io/apimachinery/pkg/api/resource"
)

// host is a DNS name or an address, in square brackets if it is one of IPv6: nothing that
// a template, a shell or YAML reads in another way.
var host = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])$`)

// region is what S3 servers call regions.
var region = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

// scheme is what a URL starts with.
var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// ValidateNotEmpty returns an error if value is empty.
func ValidateNotEmpty(value string) error {
	if value == "" {
		return errors.New("a text that is not empty")
	}
	return nil
}

// ValidateHostPort returns an error unless value is a host, with a port if it is not the
// protocol's own: what an S3 client takes as its endpoint.
func ValidateHostPort(value string) error {
	u, err := url.Parse("//" + value)
	if err != nil || u.Host != value {
		return errors.New("a host:port without a scheme, a user or a path")
	}
	return validateHost(u.Host, u.Port())
}

var errNoUser = errors.New("a URL without a user, whose password would be stored in plain text")

// ValidateNoUser returns an error if value is a URL with a user.
func ValidateNoUser(value string) error {
	if _, rest, ok := strings.Cut(value, "://"); ok {
		if host, _, _ := strings.Cut(rest, "/"); strings.Contains(host, "@") {
			return errNoUser
		}
	}
	return nil
}

// ValidateURL returns an error unless value is a URL of HTTP or HTTPS without a user, and
// without a credential in its query.
func ValidateURL(value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" {
		return errors.New("a URL that starts with http:// or https:// and a host")
	}
	if u.User != nil {
		return errNoUser
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("a URL with a query of NAME=VALUE, separated by &")
	}
	for name, values := range query {
		if IsCredentialName(name) && slices.ContainsFunc(values, func(value string) bool { return value != "" && !IsReference(value) }) {
			return errors.New("a URL without a credential in its query, which would be stored in plain text")
		}
	}
	return validateHost(u.Host, u.Port())
}

func validateHost(hostPort, port string) error {
	name := hostPort
	if port != "" {
		name = hostPort[:len(hostPort)-len(port)-1]
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return errors.New("a port from 1 to 65535")
		}
	}
	if !host.MatchString(name) || len(name) > 253 {
		return errors.New("a host that is a DNS name or an address")
	}
	return nil
}

// ValidateRegion returns an error unless value is a region of an S3 server.
func ValidateRegion(value string) error {
	if !region.MatchString(value) {
		return errors.New("a region like eu-west-1")
	}
	return nil
}

// ValidateDuration returns an error unless value is a duration of Go of at least least.
func ValidateDuration(value string, least time.Duration) error {
	d, err := time.ParseDuration(value)
	if err != nil {
		return errors.New("a duration like 336h or 90m")
	}
	if d < least {
		return fmt.Errorf("a duration of %s or more", least)
	}
	return nil
}

// ValidateQuantity returns an error unless value is a Kubernetes quantity above zero.
func ValidateQuantity(value string) error {
	q, err := resource.ParseQuantity(value)
	if err != nil {
		return errors.New("a quantity like 10Gi, 512Mi or 250m")
	}
	if q.Sign() <= 0 {
		return errors.New("a quantity of more than zero")
	}
	return nil
}

// ValidateExactVersion returns an error unless version is exact, such as example: for a range
// Helm would install whatever is newest on the day.
func ValidateExactVersion(version, example string) error {
	if v := "v" + version; !semver.IsValid(v) || semver.Canonical(v) != v {
		return errors.New("an exact version like " + example)
	}
	return nil
}

// ValidateOneOf returns an error unless value is one of choices.
func ValidateOneOf(value string, choices []string) error {
	if slices.Contains(choices, value) {
		return nil
	}
	return errors.New("one of " + strings.Join(choices, ", "))
}

// Redact returns an address without its user, password and query, for an error. It does so
// also for what cannot be parsed.
func Redact(address string) string {
	at := strings.LastIndex(address, "@")
	switch question := strings.Index(address, "?"); {
	case at < 0 && question < 0:
		return address
	case at < 0:
		return address[:question] + "?xxxxx"
	case question < 0:
		return scheme.FindString(address[:at]) + "xxxxx" + address[at:]
	case question > at:
		return scheme.FindString(address[:at]) + "xxxxx" + address[at:question] + "?xxxxx"
	default: // a ? in the password, or an @ in the query
		return scheme.FindString(address) + "xxxxx"
	}
}
