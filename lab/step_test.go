package lab

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestStepSaysHowLongItTook(t *testing.T) {
	var log bytes.Buffer
	assert.NoError(t, step(&log, "making it", func() error { return nil }))
	assert.Regexp(t, `^lab: making it \.\.\. 0\.\d s\n$`, log.String())

	log.Reset()
	failure := errors.New("no disk")
	assert.Equal(t, failure, step(&log, "making it", func() error { return failure }))
	assert.Regexp(t, `^lab: making it \.\.\. failed after 0\.\d s\n$`, log.String())
}

func TestCut(t *testing.T) {
	assert.Equal(t, "lab: x", cut("lab: x", 0))
	assert.Equal(t, "lab: x", cut("lab: x", 7))
	assert.Equal(t, "lab: ", cut("lab: x", 6))
}

func TestElapsed(t *testing.T) {
	assert.Equal(t, "59.9 s", elapsed(59_900*time.Millisecond))
	assert.Equal(t, "8 min 05 s", elapsed(8*time.Minute+5*time.Second))
}
