package lab

import (
	"crypto/sha1" // #nosec G505 -- some publishers' lists have no other
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"path"
	"strings"
)

// checksum is the checksum of a file in a publisher's list. Its length determines the algorithm.
type checksum struct {
	want string
	hash hash.Hash
}

// checksumOf returns the checksum of a file in a list: lines of a checksum and a name, a checksum
// alone, or a release as GitHub's API has it.
func checksumOf(list, name string) (checksum, error) {
	if strings.HasPrefix(list, "{") {
		var err error
		if list, err = digests(list); err != nil {
			return checksum{}, err
		}
	}
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		if len(fields) == 0 || len(fields) > 1 && path.Base(strings.TrimPrefix(fields[1], "*")) != name {
			continue
		}
		want := strings.ToLower(fields[0])
		if _, err := hex.DecodeString(want); err != nil {
			continue
		}
		switch len(want) {
		case 2 * sha1.Size:
			return checksum{want, sha1.New()}, nil // #nosec G401 -- of the publisher's list
		case 2 * sha256.Size:
			return checksum{want, sha256.New()}, nil
		case 2 * sha512.Size:
			return checksum{want, sha512.New()}, nil
		}
	}
	return checksum{}, fmt.Errorf("the list of checksums has none of %s", name)
}

// digests returns the list of a release as GitHub's API has it. GitHub computes the digest of a
// file when it is uploaded. A file from before June 2025 has none.
func digests(release string) (list string, err error) {
	var read struct {
		Assets []struct{ Name, Digest string }
	}
	if err := json.Unmarshal([]byte(release), &read); err != nil {
		return "", err
	}
	for _, file := range read.Assets {
		if sum, found := strings.CutPrefix(file.Digest, "sha256:"); found {
			list += sum + "  " + file.Name + "\n"
		}
	}
	return list, nil
}
