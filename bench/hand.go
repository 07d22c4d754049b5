package main

import (
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/minio/madmin-go/v3"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/components/tempo"
	"github.com/picluster/picluster/lab"
)

// The names of the guide.
const (
	bucket     = "k3s-tempo"
	user       = "tempo"
	namespace  = "tempo"
	secretName = "tempo-minio-secret" // #nosec G101 -- a name
	release    = "tempo"
)

// byHand returns a function that runs the guide's commands. MinIO's Go clients replace mc, which
// saves a process for each call. The function is faster than a manual run of the guide.
func byHand(ctx context.Context, l *lab.Lab, values []byte) (func() error, error) {
	helm, err := helm(ctx, l)
	if err != nil {
		return nil, err
	}
	valuesFile := filepath.Join(l.Dir, "values.yaml")
	if err := os.WriteFile(valuesFile, values, 0o600); err != nil {
		return nil, err
	}
	_, config, err := readConfig(l)
	if err != nil {
		return nil, err
	}
	key := rand.Text()
	steps := []func() error{
		func() error { return onMinIO(ctx, l, key) },
		func() error { return quietly(l.Command(ctx, "kubectl", "create", "namespace", namespace)) },
		func() error {
			return quietly(l.Command(ctx, "kubectl", "create", "secret", "generic", secretName, "--namespace="+namespace,
				"--from-literal=MINIO_ACCESS_KEY_ID="+user, "--from-literal=MINIO_SECRET_ACCESS_KEY="+key))
		},
		func() error {
			args := []string{"install", release, text(config["picluster:chart"]), "--namespace=" + namespace, "--values=" + valuesFile,
				"--version=" + text(config["picluster:chartVersion"]), "--wait", "--timeout=10m"}
			if repository := text(config["picluster:chartRepository"]); repository != "" {
				args = append(args, "--repo="+repository)
			}
			return quietly(l.Command(ctx, helm, args...))
		},
	}
	return func() error {
		for _, step := range steps {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// onMinIO creates the bucket, the user and the policy.
func onMinIO(ctx context.Context, l *lab.Lab, key string) error {
	endpoint, access, secret := l.MinIO()
	administrator := credentials.NewStaticV4(access, secret, "")
	transport, err := l.Transport()
	if err != nil {
		return err
	}
	s3, err := minio.New(endpoint, &minio.Options{Creds: administrator, Transport: transport})
	if err != nil {
		return err
	}
	admin, err := madmin.NewWithOptions(endpoint, &madmin.Options{Creds: administrator, Transport: transport})
	if err != nil {
		return err
	}
	policy, err := objectstore.PolicyDocument(bucket, objectstore.Statement{Actions: tempo.BucketActions()})
	if err != nil {
		return err
	}
	if err := s3.MakeBucket(ctx, bucket, minio.MakeBucketOptions{Region: "eu-west-1"}); err != nil {
		return err
	}
	if err := admin.AddUser(ctx, user, key); err != nil {
		return err
	}
	if err := admin.AddCannedPolicy(ctx, user, []byte(policy)); err != nil {
		return err
	}
	_, err = admin.AttachPolicy(ctx, madmin.PolicyAssociationReq{Policies: []string{user}, User: user})
	return err
}

// helm compiles Helm's own command, and returns its path.
func helm(ctx context.Context, l *lab.Lab) (string, error) {
	path := filepath.Join(l.Dir, "helm")
	return path, quietly(exec.CommandContext(ctx, "go", "build", "-C", "ops", "-o", path, "helm.sh/helm/v3/cmd/helm"))
}

// releaseValues returns the values of Helm's release.
func releaseValues(ctx context.Context, l *lab.Lab) ([]byte, error) {
	helm, err := helm(ctx, l)
	if err != nil {
		return nil, err
	}
	return l.Command(ctx, helm, "get", "values", release, "--namespace="+namespace, "--output=yaml").Output()
}

func text(value any) string {
	text, _ := value.(string)
	return strings.TrimSpace(text)
}
