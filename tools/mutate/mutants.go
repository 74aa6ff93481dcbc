// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// mutant is a package with one change.
type mutant struct {
	file       string // its path
	start, end int    // offsets in the file of what is replaced
	text       string // by this

	// What survivors are known by, whatever line they are in.
	name   string // of the file in the module, and the function
	before string
	after  string // "" if it is removed
	nth    int    // of those with the same name, before and after, from 1

	id       int // from 1
	line     int
	function *ast.FuncDecl // nil if it is in none
	broken   bool          // it does not compile
}

// key identifies a mutant as long as the code that it changes stays.
func (m *mutant) key() string {
	key := m.name + ": " + m.before + " => " + m.after
	if m.after == "" {
		key += "removed"
	}
	if m.nth > 1 {
		key += fmt.Sprintf(" (%d)", m.nth)
	}
	return key
}

// load loads the packages of a module that have files of their own, without tests.
func load(dir string, patterns []string) ([]*packages.Package, error) {
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedExportFile |
			packages.NeedTypes | packages.NeedTypesInfo | packages.NeedSyntax,
		Dir: dir,
	}, patterns...)
	if err != nil {
		return nil, err
	}
	if packages.PrintErrors(loaded) != 0 {
		return nil, errors.New("there are packages that do not compile")
	}
	slices.SortFunc(loaded, func(a, b *packages.Package) int { return strings.Compare(a.PkgPath, b.PkgPath) })
	return loaded, nil
}

// mutants returns the mutants of a package, in the order of its files.
func mutants(module string, pkg *packages.Package) ([]*mutant, error) {
	var all []*mutant
	for _, file := range pkg.Syntax {
		if ast.IsGenerated(file) {
			continue
		}
		path := pkg.Fset.Position(file.Pos()).Filename
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(module, path)
		if err != nil {
			return nil, err
		}
		f := &finder{fset: pkg.Fset, info: pkg.TypesInfo, path: path, name: name, source: text}
		ast.PreorderStack(file, nil, func(n ast.Node, stack []ast.Node) bool {
			f.stack = append(stack, n)
			f.mutate(n)
			return true
		})
		all = append(all, f.found...)
	}
	seen := map[string]int{}
	for i, m := range all {
		m.id = i + 1
		seen[m.key()]++
		m.nth = seen[m.key()]
	}
	return all, nil
}

// finder finds the mutants of a file.
type finder struct {
	fset   *token.FileSet
	info   *types.Info
	path   string
	name   string // of the file in the module
	source []byte
	stack  []ast.Node // from the file to the node that is looked at
	found  []*mutant
}

// add appends the mutant that has other text between two positions in n.
func (f *finder) add(n ast.Node, pos, end token.Pos, text string) {
	start, stop := f.offset(pos), f.offset(end)
	before, after := f.around(n, start, stop)
	m := &mutant{
		file: f.path, start: start, end: stop, text: text,
		name:   f.name + " " + f.function(),
		before: before + oneLine(string(f.source[start:stop])) + after,
		after:  before + text + after,
		line:   f.fset.Position(pos).Line,
	}
	if len(f.stack) > 1 {
		m.function, _ = f.stack[1].(*ast.FuncDecl)
	}
	if n.Pos() != pos || n.End() != end || text != "" {
		m.after = oneLine(string(f.source[f.offset(n.Pos()):start]) + text + string(f.source[stop:f.offset(n.End())]))
	}
	f.found = append(f.found, m)
}

func (f *finder) last() *mutant { return f.found[len(f.found)-1] }

func (f *finder) offset(pos token.Pos) int { return f.fset.Position(pos).Offset }

func (f *finder) text(n ast.Node) string {
	return string(f.source[f.offset(n.Pos()):f.offset(n.End())])
}

// parent returns the nth node above the one that is looked at.
func (f *finder) parent(n int) ast.Node { return f.stack[len(f.stack)-1-n] }

// function returns the name of the function that is looked at, or of what else is declared.
func (f *finder) function() string {
	for _, n := range f.stack {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv != nil {
				return strings.TrimPrefix(f.text(n.Recv.List[0].Type), "*") + "." + n.Name.Name
			}
			return n.Name.Name
		case *ast.ValueSpec:
			return n.Names[0].Name
		case *ast.TypeSpec:
			return n.Name.Name
		}
	}
	return "?"
}

// results returns the results of the function that is looked at, the innermost one.
func (f *finder) results() *types.Tuple {
	for _, n := range slices.Backward(f.stack) {
		switch n := n.(type) {
		case *ast.FuncLit:
			return f.info.TypeOf(n).(*types.Signature).Results()
		case *ast.FuncDecl:
			return f.info.Defs[n.Name].(*types.Func).Signature().Results()
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// around returns what is around a part of a node, as much as tells it from others.
func (f *finder) around(n ast.Node, start, end int) (before, after string) {
	const most = 60
	before, after = string(f.source[f.offset(n.Pos()):start]), string(f.source[end:f.offset(n.End())])
	if len(before) > most {
		before = "..." + strings.ToValidUTF8(before[len(before)-most:], "")
	}
	if len(after) > most {
		after = strings.ToValidUTF8(after[:most], "") + "..."
	}
	return spaces.ReplaceAllString(before, " "), spaces.ReplaceAllString(after, " ")
}

var spaces = regexp.MustCompile(`\s+`)

// oneLine returns source text as a line of a moderate length.
func oneLine(text string) string {
	const most = 100
	text = strings.TrimSpace(spaces.ReplaceAllString(text, " "))
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
