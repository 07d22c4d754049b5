package objectstore

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
)

// policyVersion is the version of the policy language, not of a document; MinIO
// and S3 know no newer one.
const policyVersion = "2012-10-17"

// ReadWriteActions returns the actions of an application that lists its bucket, and
// reads, writes and deletes its objects.
func ReadWriteActions() []string {
	return []string{"s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:DeleteObject"}
}

// Statement is a statement of the user's access policy. See
// https://min.io/docs/minio/linux/administration/identity-access-management/policy-based-access-control.html.
type Statement struct {
	// Sid names the statement. Default: the component's name and "Permissions", with a number
	// after it from the second such statement on.
	Sid string `pulumi:"sid,optional"`
	// Deny denies the actions. Default: they are allowed.
	Deny bool `pulumi:"deny,optional"`
	// Actions are S3 actions, such as s3:GetObject. Required.
	Actions []string `pulumi:"actions"`
	// Paths are what the actions apply to inside the bucket: "" is the bucket itself,
	// "*" all its objects. Default: both.
	Paths []string `pulumi:"paths,optional"`
}

// PolicyDocument returns the access policy, as JSON, of a user who may reach bucket and
// nothing else. Default: a statement that allows ReadWriteActions.
func PolicyDocument(bucket string, statements ...Statement) (string, error) {
	type statement struct {
		Sid, Effect      string
		Action, Resource []string
	}
	document := struct {
		Version   string
		Statement []statement
	}{Version: policyVersion}
	if len(statements) == 0 { // MinIO rejects a policy without any
		statements = []Statement{{Actions: ReadWriteActions()}}
	}
	for _, s := range statements {
		rendered := statement{Sid: s.Sid, Effect: "Allow", Action: s.Actions}
		if s.Deny {
			rendered.Effect = "Deny"
		}
		paths := s.Paths
		if len(paths) == 0 {
			paths = []string{"*", ""}
		}
		for _, path := range paths {
			resource := "arn:aws:s3:::" + bucket
			if path != "" {
				resource += "/" + path
			}
			rendered.Resource = append(rendered.Resource, resource)
		}
		document.Statement = append(document.Statement, rendered)
	}
	text, err := json.Marshal(document)
	return string(text), err
}

// defaultSid returns a Sid, which has letters and digits alone, for a component's name:
// TempoPermissions for tempo.
func defaultSid(name string) string {
	var words strings.Builder
	for _, word := range strings.FieldsFunc(name, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		words.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return words.String() + "Permissions"
}

// statements returns the statements of the policy, with their defaults.
func (a Args) statements(name string) []Statement {
	given := a.Statements
	if len(given) == 0 {
		given = []Statement{{Actions: a.Actions}}
	}
	statements := slices.Clone(given)
	next := 1
	for i := range statements {
		for sid := defaultSid(name); statements[i].Sid == ""; next++ {
			if own := versioned(sid, "", next); !slices.ContainsFunc(given, func(s Statement) bool { return s.Sid == own }) {
				statements[i].Sid = own
			}
		}
	}
	return statements
}
