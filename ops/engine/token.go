package engine

// Types of the resources that are looked at.
const (
	BucketType     = "minio:index/s3Bucket:S3Bucket"
	UserType       = "minio:index/iamUser:IamUser"
	PolicyType     = "minio:index/iamPolicy:IamPolicy"
	AttachmentType = "minio:index/iamUserPolicyAttachment:IamUserPolicyAttachment"
	SecretType     = "kubernetes:core/v1:Secret" // #nosec G101 -- a type
	NamespaceType  = "kubernetes:core/v1:Namespace"
	ConfigMapType  = "kubernetes:core/v1:ConfigMap"
	ReleaseType    = "kubernetes:helm.sh/v3:Release"
	PasswordType   = "random:index/randomPassword:RandomPassword" // #nosec G101 -- a type
)
