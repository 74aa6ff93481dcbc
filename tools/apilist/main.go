// SPDX-License-Identifier: Apache-2.0

// Apilist prints what the packages of the module export, one line for each name, field and
// method, so that a change of the public API is seen as a difference of two listings.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"go/types"
	"log"
	"os"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatalf("list the public API: %v", err)
	}
}

func run() error {
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedExportFile,
		Dir:  "..",
		// The same listing on every machine.
		Env: append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0"),
	}, "./...")
	if err != nil {
		return err
	}
	if packages.PrintErrors(loaded) != 0 {
		return errors.New("there are packages that do not compile")
	}
	slices.SortFunc(loaded, func(a, b *packages.Package) int { return strings.Compare(a.PkgPath, b.PkgPath) })
	out := bufio.NewWriter(os.Stdout)
	for _, pkg := range loaded {
		if pkg.Name == "main" || slices.Contains(strings.Split(pkg.PkgPath, "/"), "internal") {
			continue
		}
		var lines []string
		for _, name := range pkg.Types.Scope().Names() {
			if obj := pkg.Types.Scope().Lookup(name); obj.Exported() {
				lines = appendObject(lines, obj, types.RelativeTo(pkg.Types))
			}
		}
		fmt.Fprintf(out, "package %s\n", pkg.PkgPath)
		for _, line := range lines {
			fmt.Fprintln(out, "\t"+line)
		}
	}
	return out.Flush()
}

// appendObject appends the lines of one exported name.
func appendObject(lines []string, obj types.Object, qualifier types.Qualifier) []string {
	switch obj := obj.(type) {
	case *types.Const:
		return append(lines, fmt.Sprintf("%s = %s", types.ObjectString(obj, qualifier), obj.Val().ExactString()))
	case *types.TypeName:
		return appendType(lines, obj, qualifier)
	}
	return append(lines, types.ObjectString(obj, qualifier))
}

// appendType appends the lines of a type: what it is, its exported fields or its methods, and
// the methods that are declared for it.
func appendType(lines []string, obj *types.TypeName, qualifier types.Qualifier) []string {
	named, isNamed := obj.Type().(*types.Named)
	if obj.IsAlias() || !isNamed {
		return append(lines, types.ObjectString(obj, qualifier))
	}
	head := "type " + types.TypeString(named, qualifier)
	switch t := named.Underlying().(type) {
	case *types.Struct:
		lines = append(lines, head+" struct")
		for i := range t.NumFields() {
			field := t.Field(i)
			if !field.Exported() {
				continue
			}
			line := "field " + obj.Name() + "." + field.Name() + " " + types.TypeString(field.Type(), qualifier)
			if field.Embedded() {
				line += " (embedded)"
			}
			if tag := t.Tag(i); tag != "" {
				line += " `" + tag + "`"
			}
			lines = append(lines, line)
		}
	case *types.Interface:
		lines = append(lines, head+" interface")
		// A method that cannot be written elsewhere is a part of the interface, too.
		for method := range t.Methods() {
			lines = append(lines, "method "+obj.Name()+"."+method.Name()+signature(method, qualifier))
		}
	default:
		lines = append(lines, head+" "+types.TypeString(t, qualifier))
	}
	var methods []string
	for method := range named.Methods() {
		if method.Exported() {
			methods = append(methods, types.ObjectString(method, qualifier))
		}
	}
	slices.Sort(methods)
	return append(lines, methods...)
}

// signature returns the parameters and results of a function.
func signature(f *types.Func, qualifier types.Qualifier) string {
	return strings.TrimPrefix(types.TypeString(f.Signature(), qualifier), "func")
}
