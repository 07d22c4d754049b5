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
	var (
		credentials, secretKey = r.key("credentials"), r.key("secretKey")
		existing               = c.Credentials == CredentialsExisting
		user                   = !c.ObjectStore.BucketOnly
	)
	if existing && c.ObjectStore.KeyGeneration != 1 {
		r.problem("%s: is of no use with %s: existing, where the stack makes no key. Take it out: pulumi config rm keyGeneration",
			r.key("keyGeneration"), credentials)
	}
	if !existing && c.SecretKey != "" {
		r.problem("%s: goes with %s: existing, where somebody else keeps the key; here the stack makes one. Take it out: pulumi config rm secretKey",
			secretKey, credentials)
	}
	if !existing && !user {
		r.problem("%s: false goes with %s: existing; here the stack must make the user, since it makes the key. Set it: pulumi config set credentials existing",
			r.key("manageUser"), credentials)
	}
	if existing && !user && c.SecretKey != "" {
		r.problem("%s: is of no use with %s: false, which leaves the user alone. Take it out: pulumi config rm secretKey",
			secretKey, r.key("manageUser"))
	}
	if existing && user && c.SecretKey == "" {
		r.problem("%s: is missing: with %s: existing the stack gives the MinIO user the key that the Secret has. Set it: pulumi config set --secret secretKey; or leave the user alone: pulumi config set manageUser false",
			secretKey, credentials)
	}
}
