package tracing

import (
	"fmt"

	"github.com/picluster/picluster/components/kubernetes"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/internal/command"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/internals"
)

// existingKeys reads the Secret, and gives its secret key to the user. Pods log in with the
// Secret's access key, which must be the user's name.
func (a Args) existingKeys(ctx *pulumi.Context, name string, namespace *kubernetes.Namespace, parent pulumi.ResourceOption) (*objectstore.ObjectStore, *kubernetes.Secret, error) {
	secret, err := kubernetes.NewSecret(ctx, name, &kubernetes.SecretArgs{
		Name:      a.SecretName,
		Namespace: namespace.Created,
		Existing:  true,
	}, parent)
	if err != nil {
		return nil, nil, err
	}
	if ctx.DryRun() {
		a.warnOfSecret(ctx, namespace)
	}
	accessKey, secretKey := secret.Value(a.Tempo.AccessKeyField), secret.Value(a.Tempo.SecretKeyField)
	args := a.ObjectStore
	args.SecretKey = secretKey
	if a.existingUser() {
		args.User = accessKey
	} else {
		version := args.KeyVersion
		args.SecretKey = pulumi.All(accessKey, secretKey, args.User, namespace.Name, secret.Name).ApplyT(func(all []any) (string, error) {
			if user := objectstore.UserName(all[2].(string), version); all[0] != user {
				return "", fmt.Errorf("secret %s/%s: %s is not the name of the user, %q. Fix: change it there, or change the user or its key version here",
					all[3], all[4], a.Tempo.AccessKeyField, user)
			}
			return all[1].(string), nil
		}).(pulumi.StringOutput)
	}
	store, err := objectstore.New(ctx, name, &args, parent)
	return store, secret, err
}

// warnOfSecret logs a warning in a preview of an update that creates the namespace: the Secret
// can be created only after the namespace, and the update fails without the Secret.
func (a Args) warnOfSecret(ctx *pulumi.Context, namespace *kubernetes.Namespace) {
	ended, end, fail := ctx.NewOutput() // the program waits for this output
	_ = ended
	go func() {
		created, err := internals.UnsafeAwaitOutput(ctx.Context(), namespace.Created)
		if err != nil || created.Known {
			end(nil) // an error is the namespace's own
			return
		}
		text, err := internals.UnsafeAwaitOutput(ctx.Context(), pulumi.All(a.Namespace.Name, a.SecretName, a.ObjectStore.User).ApplyT(func(all []any) string {
			return a.secretWarning(command.Of(ctx.Stack()), all)
		}))
		if err == nil && text.Known {
			err = ctx.Log.Warn(text.Value.(string), nil)
		}
		if err != nil {
			fail(err)
			return
		}
		end(nil)
	}()
}

// secretWarning returns the warning of a namespace, a Secret and a user. The provider, and so the
// cluster, is not known to a component.
func (a Args) secretWarning(commands command.Names, all []any) string {
	user := "USER"
	if !a.existingUser() {
		user = objectstore.UserName(all[2].(string), a.ObjectStore.KeyVersion)
	}
	namespace, name := all[0].(string), all[1].(string)
	return fmt.Sprintf("Secret %s/%s is not known in this preview, because the update creates its namespace. "+
		"The update then fails until the Secret exists, before it creates the user or the release. "+
		"Fix: run the update; %s; run the update again", namespace, name,
		commands.Kubectl("create", "secret", "generic", name, "--namespace", namespace,
			"--from-literal="+a.Tempo.AccessKeyField+"="+user, "--from-file="+a.Tempo.SecretKeyField+"=FILE"))
}
