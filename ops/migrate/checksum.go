package migrate

import (
	"bytes"
	"crypto/md5" // #nosec G501 -- the ETags of S3 are made of it
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"regexp"
)

const (
	// smallestPart is the least size of a part, in bytes. An upload has one part in memory.
	smallestPart = 16 << 20
	// mostParts is how many parts an object has at most. Source:
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html.
	mostParts = 10_000
)

// partSize returns the size of the parts of an object.
func partSize(size int64) int64 {
	const unit = 1 << 20
	least := (size + mostParts - 1) / mostParts
	return max(smallestPart, (least+unit-1)/unit*unit)
}

// checksum computes the ETag that an object has if its parts are of a size.
type checksum struct {
	part        int64
	read        int64
	whole, this hash.Hash
	inThis      int64
	parts       []byte // the MD5 of each that is complete
}

func newChecksum(part int64) *checksum {
	return &checksum{part: part, whole: md5.New(), this: md5.New()} // #nosec G401 -- the ETags of S3
}

func (c *checksum) Write(p []byte) (int, error) {
	n := len(p)
	c.read += int64(n)
	c.whole.Write(p)
	for len(p) > 0 {
		if c.inThis == c.part {
			c.endPart()
		}
		now := p[:min(int64(len(p)), c.part-c.inThis)]
		c.this.Write(now)
		c.inThis += int64(len(now))
		p = p[len(now):]
	}
	return n, nil
}

func (c *checksum) endPart() {
	c.parts = c.this.Sum(c.parts)
	c.this.Reset()
	c.inThis = 0
}

// etag returns the ETag of what was written.
func (c *checksum) etag() string {
	if c.read <= c.part {
		return hex.EncodeToString(c.whole.Sum(nil))
	}
	all := md5.New() // #nosec G401 -- the ETags of S3
	all.Write(c.this.Sum(bytes.Clone(c.parts)))
	return fmt.Sprintf("%x-%d", all.Sum(nil), len(c.parts)/md5.Size+1)
}

// inOnePart is the ETag of an object in one part.
var inOnePart = regexp.MustCompile(`^[0-9a-f]{32}$`)

// isOf returns whether what was read can be the object of an ETag. The ETag of an object in
// several parts excludes nothing.
func (c *checksum) isOf(etag string) bool {
	return !inOnePart.MatchString(etag) || etag == hex.EncodeToString(c.whole.Sum(nil))
}

// sameContent compares two readers to their ends.
func sameContent(a, b io.Reader) (bool, error) {
	const chunk = 64 << 10
	one, other := make([]byte, chunk), make([]byte, chunk)
	for {
		n, err := io.ReadFull(a, one)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return false, err
		}
		m, otherErr := io.ReadFull(b, other)
		if otherErr != nil && otherErr != io.EOF && otherErr != io.ErrUnexpectedEOF {
			return false, otherErr
		}
		if !bytes.Equal(one[:n], other[:m]) {
			return false, nil
		}
		if err != nil { // both have ended
			return true, nil
		}
	}
}

type readCloser struct {
	io.Reader
	io.Closer
}
