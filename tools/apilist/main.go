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
	case *types.Func:
		return append(lines, "func "+obj.Name()+signature(obj, qualifier))
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
			if t.Field(i).Exported() {
				lines = append(lines, field(obj, t.Field(i), t.Tag(i), qualifier))
			}
		}
	case *types.Interface:
		lines = append(lines, head+" interface")
		// A method that is not exported keeps others from implementing it.
		for method := range t.Methods() {
			lines = append(lines, "method "+obj.Name()+"."+method.Name()+signature(method, qualifier))
		}
	default:
		lines = append(lines, head+" "+types.TypeString(t, qualifier))
	}
	var methods []string
	for method := range named.Methods() {
		if method.Exported() {
			receiver := types.TypeString(method.Signature().Recv().Type(), qualifier)
			methods = append(methods, "func ("+receiver+") "+method.Name()+signature(method, qualifier))
		}
	}
	slices.Sort(methods)
	return append(lines, methods...)
}

// field returns the line of a field of a struct.
func field(of *types.TypeName, f *types.Var, tag string, qualifier types.Qualifier) string {
	line := "field " + of.Name() + "." + f.Name() + " " + types.TypeString(f.Type(), qualifier)
	if f.Embedded() {
		line += " (embedded)"
	}
	if tag != "" {
		line += " `" + tag + "`"
	}
	return line
}

// signature returns the parameters and results of a function. They are without their names, on
// which no caller depends, but those of a generic function, whose type parameters belong to it.
func signature(f *types.Func, qualifier types.Qualifier) string {
	sig := f.Signature()
	if sig.TypeParams().Len() == 0 {
		sig = types.NewSignatureType(nil, nil, nil, unnamed(sig.Params()), unnamed(sig.Results()), sig.Variadic())
	}
	return strings.TrimPrefix(types.TypeString(sig, qualifier), "func")
}

func unnamed(vars *types.Tuple) *types.Tuple {
	var bare []*types.Var
	for v := range vars.Variables() {
		bare = append(bare, types.NewParam(v.Pos(), v.Pkg(), "", v.Type()))
	}
	return types.NewTuple(bare...)
}
