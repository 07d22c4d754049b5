package stacks

// Credentials is how Tempo comes by the keys of the bucket's user.
const (
	// CredentialsSecret: from a Secret that the stack makes.
	CredentialsSecret = "secret"
	// CredentialsInline: from the chart's values, for all to see.
	CredentialsInline = "inline"
	// CredentialsExisting: from a Secret that somebody else keeps.
	CredentialsExisting = "existing"
)

// credentials notes what contradicts itself in who makes the keys, and who keeps
// them.
func (r *reader) credentials(c *Config) {
	existing := c.Credentials == CredentialsExisting
	if c.ObjectStore.BucketOnly && c.ObjectStore.KeyVersion != 1 {
		r.problem("%s: has no effect with %s: false, where the user is managed elsewhere. Fix: pulumi config rm keyVersion",
			r.key("keyVersion"), r.key("manageUser"))
	}
	if !existing && c.ObjectStore.BucketOnly {
		r.problem("%s: false goes with %s: existing; here the stack must make the user, since it makes the key. Set it: pulumi config set credentials existing",
			r.key("manageUser"), r.key("credentials"))
	}
}
