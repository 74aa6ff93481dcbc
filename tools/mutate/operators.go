// SPDX-License-Identifier: Apache-2.0

package main

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"
)

// swaps are the operators that one is exchanged for: a comparison by its negation and by the one
// that differs from it at the boundary, others by what undoes them.
var swaps = map[token.Token][]token.Token{
	token.EQL:  {token.NEQ},
	token.NEQ:  {token.EQL},
	token.LSS:  {token.GEQ, token.LEQ},
	token.LEQ:  {token.GTR, token.LSS},
	token.GTR:  {token.LEQ, token.GEQ},
	token.GEQ:  {token.LSS, token.GTR},
	token.LAND: {token.LOR},
	token.LOR:  {token.LAND},

	token.ADD:     {token.SUB},
	token.SUB:     {token.ADD},
	token.MUL:     {token.QUO},
	token.QUO:     {token.MUL},
	token.REM:     {token.MUL},
	token.AND:     {token.OR},
	token.OR:      {token.AND},
	token.XOR:     {token.AND},
	token.AND_NOT: {token.AND},
	token.SHL:     {token.SHR},
	token.SHR:     {token.SHL},

	token.ADD_ASSIGN:     {token.SUB_ASSIGN},
	token.SUB_ASSIGN:     {token.ADD_ASSIGN},
	token.MUL_ASSIGN:     {token.QUO_ASSIGN},
	token.QUO_ASSIGN:     {token.MUL_ASSIGN},
	token.REM_ASSIGN:     {token.MUL_ASSIGN},
	token.AND_ASSIGN:     {token.OR_ASSIGN},
	token.OR_ASSIGN:      {token.AND_ASSIGN},
	token.XOR_ASSIGN:     {token.AND_ASSIGN},
	token.AND_NOT_ASSIGN: {token.AND_ASSIGN},
	token.SHL_ASSIGN:     {token.SHR_ASSIGN},
	token.SHR_ASSIGN:     {token.SHL_ASSIGN},

	token.INC: {token.DEC},
	token.DEC: {token.INC},
}

// mutate appends the mutants of one node.
func (f *finder) mutate(n ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if isNumber(f.info, n.X) || n.Op != token.ADD { // strings can't be subtracted
			f.swap(n, n.OpPos, n.Op)
		}
	case *ast.UnaryExpr:
		if n.Op == token.NOT || n.Op == token.SUB {
			f.add(n, n.OpPos, n.X.Pos(), "")
		}
	case *ast.IncDecStmt:
		f.swap(n, n.TokPos, n.Tok)
		f.remove(n)
	case *ast.AssignStmt:
		if n.Tok == token.DEFINE {
			return
		}
		if isNumber(f.info, n.Lhs[0]) {
			f.swap(n, n.TokPos, n.Tok)
		}
		f.remove(n)
	case *ast.ExprStmt, *ast.SendStmt, *ast.DeferStmt, *ast.GoStmt, *ast.BranchStmt:
		f.remove(n)
	case *ast.ReturnStmt:
		f.returns(n)
	}
}

// swap exchanges an operator.
func (f *finder) swap(n ast.Node, pos token.Pos, op token.Token) {
	for _, other := range swaps[op] {
		f.add(n, pos, pos+token.Pos(len(op.String())), other.String())
	}
}

// remove removes a statement, in a way that what it names stays in use: that compiles.
func (f *finder) remove(n ast.Node) {
	if branch, ok := n.(*ast.BranchStmt); ok {
		if branch.Label == nil {
			f.add(n, n.Pos(), n.End(), "")
		}
		return
	}
	switch parent := f.parent(1).(type) {
	case *ast.CommClause:
		if parent.Comm == n {
			return
		}
	case *ast.BlockStmt, *ast.CaseClause:
	default:
		return
	}
	f.add(n, n.Pos(), n.End(), "if false { "+f.text(n)+" }")
	f.last().after = ""
}

// returns has a function return something else in the place of one result: false for true, else
// the zero value, or of a number that is it, 1.
func (f *finder) returns(n *ast.ReturnStmt) {
	results := f.results()
	if results == nil || results.Len() != len(n.Results) {
		return
	}
	last := len(n.Results) - 1
	failed := isError(results.At(last).Type()) && !f.isZero(n.Results[last])
	for i, result := range n.Results {
		other := f.otherValue(result, results.At(i).Type())
		if other == "" || failed && f.isZero(result) {
			continue // what comes with an error is not looked at
		}
		text := []byte(f.text(n))
		from, to := result.Pos()-n.Pos(), result.End()-n.Pos()
		changed := string(text[:from]) + other + string(text[to:])
		f.add(n, n.Pos(), n.End(), "if true { "+changed+" }; "+string(text))
		f.last().after = oneLine(changed)
	}
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

// isZero tells whether e is a literal zero value.
func (f *finder) isZero(e ast.Expr) bool {
	switch text := f.text(e); text {
	case "nil", "0", `""`, "false":
		return true
	default:
		return strings.HasSuffix(text, "{}")
	}
}

// otherValue returns source text for a value that is not that of e, "" if there is none.
func (f *finder) otherValue(e ast.Expr, t types.Type) string {
	value := f.info.Types[e].Value
	switch u := t.Underlying().(type) {
	case *types.Basic:
		switch {
		case u.Info()&types.IsBoolean != 0:
			if value != nil && constant.BoolVal(value) {
				return "false"
			} else if value != nil {
				return "true"
			}
			if hasOpposite(e) {
				return "" // it is a mutant already
			}
			return "!(" + f.text(e) + ")"
		case u.Info()&types.IsNumeric != 0:
			if value != nil && constant.Sign(value) == 0 {
				return "1"
			}
			return "0"
		case u.Info()&types.IsString != 0 && !(value != nil && constant.StringVal(value) == ""):
			return `""`
		}
	case *types.Pointer, *types.Slice, *types.Map, *types.Chan, *types.Signature, *types.Interface:
		if _, isParam := t.(*types.TypeParam); !isParam && !f.info.Types[e].IsNil() {
			return "nil"
		}
	}
	return ""
}

// hasOpposite tells whether e is a comparison or a negation.
func hasOpposite(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.UnaryExpr:
		return e.Op == token.NOT
	case *ast.BinaryExpr:
		return e.Op.Precedence() == token.EQL.Precedence()
	}
	return false
}

func isNumber(info *types.Info, e ast.Expr) bool {
	t := info.TypeOf(e)
	if t == nil {
		return false
	}
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsNumeric != 0
}
