package field_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/picluster/picluster/internal/field"
	"github.com/stretchr/testify/assert"
)

func TestErrors(t *testing.T) {
	var errs field.Errors
	assert.NoError(t, errs.Err(), "none is no error")
	errs.Add("Replicas.querier", 0, "%d or more", 1)
	errs.Check("Bucket", "", errors.New("a bucket's name"))
	errs.Check("Bucket", "b", nil)
	errs.Require("Endpoint", true, "a host:port")
	errs.Require("Region", false, "a region")
	var outer field.Errors
	outer.Under("Tempo", errs)
	outer.Add("Secret", nil, "no credential in a URL")
	assert.EqualError(t, outer.Err(), `Tempo.Replicas.querier: got 0; want 1 or more
Tempo.Bucket: got nothing; want a bucket's name
Tempo.Endpoint: got nothing; want a host:port
Secret: want no credential in a URL`)
}

func TestShorten(t *testing.T) {
	assert.Equal(t, "short", field.Shorten("short"))
	assert.Equal(t, strings.Repeat("a", 99)+"…", field.Shorten(strings.Repeat("a", 99)+"äöü"), "no half of a letter")
}
