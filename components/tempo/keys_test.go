package tempo

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestKeysHash(t *testing.T) {
	one := keysHash("salt", "access", "secret")
	assert.Len(t, one, 12)
	assert.Equal(t, one, keysHash("salt", "access", "secret"), "the same in every run")
	assert.NotEqual(t, one, keysHash("other", "access", "secret"), "without the salt a guess could be tested")
	assert.NotEqual(t, one, keysHash("salt", "other", "secret"))
	assert.NotEqual(t, one, keysHash("salt", "access", "other"))
}
