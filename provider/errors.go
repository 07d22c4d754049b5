package main

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/picluster/picluster/internal/field"
)

// inProperties returns an error of a component whose paths name the properties of the
// package in place of the fields of args.
func inProperties(err error, args reflect.Type) error {
	var problems field.Errors
	if !errors.As(err, &problems) {
		return err
	}
	renamed := make(field.Errors, len(problems))
	for i, problem := range problems {
		problem.Path = propertyPath(problem.Path, args)
		renamed[i] = problem
	}
	// The text before the list, which has the component's name, is kept.
	before, _, _ := strings.Cut(err.Error(), problems.Error())
	return fmt.Errorf("%s%w", before, renamed)
}

// fieldName is the name of a field at the start of a part of a path, such as Tenants[0].
var fieldName = regexp.MustCompile(`^\w+`)

// propertyPath returns a path such as Tempo.Network.AllowQueryFrom[0] in properties. What is
// no field, such as the key of a map, stays.
func propertyPath(path string, typ reflect.Type) string {
	parts := strings.Split(path, ".")
	for i, part := range parts {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct {
			break
		}
		name := fieldName.FindString(part)
		of, ok := typ.FieldByName(name)
		if !ok {
			break
		}
		property, _, _ := strings.Cut(of.Tag.Get("pulumi"), ",")
		if property == "" {
			break
		}
		parts[i] = property + strings.TrimPrefix(part, name)
		if typ = of.Type; typ.Kind() == reflect.Map {
			break // the rest is its keys
		}
	}
	return strings.Join(parts, ".")
}
