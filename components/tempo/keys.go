package tempo

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"github.com/pulumi/pulumi-random/sdk/v4/go/random"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// knowsKeys returns whether the caller gives the keys. If not, a change of the keys does not
// restart the pods.
func (a Args) knowsKeys() bool { return a.AccessKey != nil && a.SecretKey != nil }

// newKeysHash returns a text that changes exactly when the keys do, or nil if they are not
// known. The text is no secret, so that a preview shows that the pods restart. It is keyed with
// a random salt, which only the state has, encrypted. Without the salt the text cannot be used
// to test a guess of a key.
func (a Args) newKeysHash(ctx *pulumi.Context, name string, parent pulumi.Resource) (chartText, error) {
	if !a.knowsKeys() {
		return nil, nil
	}
	salt, err := random.NewRandomPassword(ctx, name+"-keys-salt", &random.RandomPasswordArgs{
		Length:  pulumi.Int(32),
		Special: pulumi.Bool(false),
	}, pulumi.Parent(parent))
	if err != nil {
		return nil, err
	}
	return pulumi.Unsecret(pulumi.All(salt.Result, a.AccessKey, a.SecretKey).ApplyT(func(all []any) string {
		return keysHash(all[0].(string), all[1].(string), all[2].(string))
	})).(pulumi.StringOutput), nil
}

// keysHash returns enough of an HMAC to see a change by.
func keysHash(salt, accessKey, secretKey string) string {
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write([]byte(accessKey + "\n" + secretKey))
	return hex.EncodeToString(mac.Sum(nil)[:6])
}

// hash returns enough of a hash of what is no secret to see a change by.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}
