package objectstore

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/minio/minio-go/v7/pkg/s3utils"
)

// secretKeyLength is the longest secret key that MinIO accepts.
// Source: github.com/minio/minio/internal/auth, secretKeyMaxLen.
const secretKeyLength = 40

// UserName returns the name of the user of a key version: user itself for the
// first, and user.vVERSION for each later one. ValidateUser rejects names of that
// form, so that no other store has the same user.
func UserName(user string, version int) string { return versioned(user, ".v", version) }

// versioned returns base for the first version, and base with the version as its
// suffix for a later one.
func versioned(base, separator string, version int) string {
	if version <= 1 {
		return base
	}
	return base + separator + strconv.Itoa(version)
}

// ValidateBucket returns an error unless name is a valid S3 bucket name.
func ValidateBucket(name string) error {
	if err := s3utils.CheckValidBucketNameStrict(name); err != nil {
		return fmt.Errorf("a bucket's name by the rules of S3 (%w)", err)
	}
	return nil
}

// secretKey is what MinIO accepts, and what an application can have as raw text in a
// configuration file.
var secretKey = regexp.MustCompile(fmt.Sprintf(`^[A-Za-z0-9]{16,%d}$`, secretKeyLength))

// validateSecretKey returns an error, without the key, unless MinIO accepts key.
func validateSecretKey(key string) error {
	if !secretKey.MatchString(key) {
		return fmt.Errorf("16 to %d letters and digits", secretKeyLength)
	}
	return nil
}

// iamName is narrower than what MinIO accepts: its own commands reject or split "=", ","
// and white space.
var iamName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{2,127}$`)

// ValidateIAMName returns an error unless name can be a user or a policy of MinIO.
func ValidateIAMName(name string) error {
	if !iamName.MatchString(name) {
		return errors.New("3 to 128 letters, digits or any of . _ @ + -, with a letter or digit first")
	}
	return nil
}

// versionedName is how the name of a later version ends.
var versionedName = regexp.MustCompile(`\.v[0-9]+$`)

// ValidateUser returns an error unless name can be the user of the first key version.
func ValidateUser(name string) error {
	if versionedName.MatchString(name) {
		return errors.New("a name that does not end with .v and a number, as the users of later key versions do")
	}
	return ValidateIAMName(name)
}
