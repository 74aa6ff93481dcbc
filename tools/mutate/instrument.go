// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/packages"
)

// Building a test binary takes longer than most tests. So there is one for all mutants of a
// package: of each function it has one copy for each mutant, and the function calls the copy
// which the environment asks for.
const selector = "MUTANT"

const selectorSource = `package %s

import (
	"os"
	"strconv"
)

var mutantSelected = func() int { n, _ := strconv.Atoi(os.Getenv("` + selector + `")); return n }()
`

// edit replaces text[start:end].
type edit struct {
	start, end int
	text       string
}

// instrumented is a file that has the copies.
type instrumented struct {
	path  string
	text  string
	lines map[int]*mutant // of the copies
}

// instrument returns the files of a package with a copy for each mutant that is in a function and
// viable.
func instrument(pkg *packages.Package, all []*mutant) ([]instrumented, error) {
	var out []instrumented
	fset := pkg.Fset
	for _, file := range pkg.Syntax {
		path := fset.Position(file.Pos()).Filename
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		copies := map[*ast.FuncDecl][]*mutant{}
		for _, m := range all {
			if m.file == path && m.function != nil && !m.broken {
				copies[m.function] = append(copies[m.function], m)
			}
		}
		var edits []edit
		var tail strings.Builder
		lines := map[int]*mutant{}
		line := strings.Count(string(source), "\n") + 2
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || len(copies[f]) == 0 {
				continue
			}
			named, args := nameParams(f, fset)
			edits = append(edits, named...)
			body := fset.Position(f.Body.Lbrace).Offset + 1
			edits = append(edits, edit{body, body, dispatch(f, copies[f], args)})
			for _, m := range copies[f] {
				text := copyOf(f, m, fset, source)
				tail.WriteString("\n" + text)
				for range strings.Count(text, "\n") + 1 {
					lines[line] = m
					line++
				}
			}
		}
		text := apply(string(source), edits) + "\n" + strings.TrimPrefix(tail.String(), "\n") + "\n"
		out = append(out, instrumented{path, text, lines})
	}
	return out, nil
}

// nameParams names those parameters and receivers that have no name, and returns the names of all.
// The receiver is the first one.
func nameParams(f *ast.FuncDecl, fset *token.FileSet) (edits []edit, names []string) {
	fields := f.Type.Params.List
	if f.Recv != nil {
		fields = slices.Concat(f.Recv.List, fields)
	}
	for _, field := range fields {
		dots := ""
		if _, variadic := field.Type.(*ast.Ellipsis); variadic {
			dots = "..."
		}
		at := fset.Position(field.Type.Pos()).Offset
		if len(field.Names) == 0 {
			name := fmt.Sprintf("mutantArg%d", len(names))
			edits = append(edits, edit{at, at, name + " "})
			names = append(names, name+dots)
		}
		for _, ident := range field.Names {
			name := ident.Name
			if name == "_" {
				name = fmt.Sprintf("mutantArg%d", len(names))
				at := fset.Position(ident.Pos()).Offset
				edits = append(edits, edit{at, at + 1, name})
			}
			names = append(names, name+dots)
		}
	}
	return edits, names
}

// dispatch returns the statement that calls the copy that is asked for.
func dispatch(f *ast.FuncDecl, copies []*mutant, args []string) string {
	receiver := ""
	if f.Recv != nil {
		receiver, args = args[0]+".", args[1:]
	}
	typeArgs := ""
	if f.Type.TypeParams != nil {
		var names []string
		for _, field := range f.Type.TypeParams.List {
			for _, ident := range field.Names {
				names = append(names, ident.Name)
			}
		}
		typeArgs = "[" + strings.Join(names, ", ") + "]"
	}
	var b strings.Builder
	b.WriteString(" switch mutantSelected {")
	for _, m := range copies {
		call := fmt.Sprintf("%s%s%s(%s)", receiver, copyName(f, m), typeArgs, strings.Join(args, ", "))
		if f.Type.Results != nil {
			fmt.Fprintf(&b, " case %d: return %s;", m.id, call)
		} else {
			fmt.Fprintf(&b, " case %d: %s; return;", m.id, call)
		}
	}
	b.WriteString(" }; ")
	return b.String()
}

func copyName(f *ast.FuncDecl, m *mutant) string {
	return fmt.Sprintf("%s_mutant%d", f.Name.Name, m.id)
}

// copyOf returns the function with the change of a mutant.
func copyOf(f *ast.FuncDecl, m *mutant, fset *token.FileSet, source []byte) string {
	start, end := fset.Position(f.Pos()).Offset, fset.Position(f.End()).Offset
	name := fset.Position(f.Name.Pos()).Offset
	return apply(string(source[start:end]), []edit{
		{name - start, name - start + len(f.Name.Name), copyName(f, m)},
		{m.start - start, m.end - start, m.text},
	})
}

// apply returns text with edits, which do not overlap.
func apply(text string, edits []edit) string {
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Compare(a.start, b.start) })
	var b strings.Builder
	end := 0
	for _, e := range edits {
		b.WriteString(text[end:e.start] + e.text)
		end = e.end
	}
	return b.String() + text[end:]
}

var compileError = regexp.MustCompile(`(?m)^(\S+\.go):(\d+):`)

// markBroken marks the mutants whose copies the compiler has errors for. It returns whether there
// are any.
func markBroken(files []instrumented, output []byte) (found bool) {
	for _, match := range compileError.FindAllStringSubmatch(string(output), -1) {
		line, _ := strconv.Atoi(match[2]) // digits
		for _, file := range files {
			if m := file.lines[line]; m != nil && filepath.Base(file.path) == filepath.Base(match[1]) {
				m.broken, found = true, true
			}
		}
	}
	return found
}
