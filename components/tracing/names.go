package tracing

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"weak"

	"github.com/picluster/picluster/components/objectstore"
	"github.com/picluster/picluster/internal/field"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// owners are the names of the components that create a thing, by the thing.
type owners map[string]string

// programs has the owners of each program that runs. The provider's process has a context for
// each component that it constructs, which nothing tells it the end of.
var programs = struct {
	sync.Mutex
	owners map[weak.Pointer[pulumi.Context]]owners
}{owners: map[weak.Pointer[pulumi.Context]]owners{}}

// claim returns a problem for each thing that the arguments would create and that another
// component of the program creates with the same providers: the providers write over what
// exists. It does not see names that are outputs.
func (a Args) claim(ctx *pulumi.Context, name string, opts []pulumi.ResourceOption) (errs field.Errors) {
	where, err := providersOf(opts)
	if err != nil {
		return nil // the registration reports it
	}
	programs.Lock()
	defer programs.Unlock()
	program := weak.Make(ctx)
	all := programs.owners[program]
	if all == nil {
		all = owners{}
		programs.owners[program] = all
		runtime.AddCleanup(ctx, forget, program)
	}
	for _, c := range a.created() {
		what := where + " " + c.path + " " + c.is
		if owner, exists := all[what]; exists && owner != name {
			errs.Add(c.path, c.name, "a name that tracing %q does not have, because both would write to it", owner)
			continue
		}
		all[what] = name
	}
	return errs
}

func forget(program weak.Pointer[pulumi.Context]) {
	programs.Lock()
	defer programs.Unlock()
	delete(programs.owners, program)
}

// providersOf returns a text that is the same for options with the same providers.
func providersOf(opts []pulumi.ResourceOption) (string, error) {
	options, err := pulumi.NewResourceOptions(opts...)
	if err != nil {
		return "", err
	}
	where := []string{fmt.Sprintf("%p", options.Parent)}
	for _, provider := range append(options.Providers, options.Provider) {
		if provider != nil {
			where = append(where, fmt.Sprintf("%p", provider))
		}
	}
	slices.Sort(where)
	return strings.Join(slices.Compact(where), " "), nil
}

// creation is a thing that the component creates.
type creation struct {
	path, name string // the field with the name
	is         string // the thing's name, which is unique on its server
}

// created returns what the component creates under a name that is known.
func (a Args) created() (list []creation) {
	add := func(path string, in pulumi.StringInput, is func(name string) string) {
		if name, plain := field.Plain(in); plain {
			list = append(list, creation{path, name, is(name)})
		}
	}
	itself := func(name string) string { return name }
	if !a.ObjectStore.Existing && !a.ObjectStore.ExistingBucket {
		add("ObjectStore.Bucket", a.ObjectStore.Bucket, itself)
	}
	if !a.existingUser() {
		add("ObjectStore.User", a.ObjectStore.User, func(name string) string { return objectstore.UserName(name, a.ObjectStore.KeyVersion) })
		add("ObjectStore.Policy", a.ObjectStore.Policy, itself) // nil is the user's name
	}
	if !a.Namespace.Existing {
		add("Namespace.Name", a.Namespace.Name, itself)
	}
	namespace, plain := field.Plain(a.Namespace.Name)
	if !plain {
		return list
	}
	inNamespace := func(name string) string { return namespace + "/" + name }
	if a.Credentials == CredentialsSecret {
		add("SecretName", a.SecretName, inNamespace)
	}
	if !a.ValuesOnly {
		add("Tempo.Release", a.Tempo.ReleaseName(), inNamespace)
	}
	return list
}
