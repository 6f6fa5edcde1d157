package builder_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lossgen/lossgen/builder"
)

// sources parses the Go files of a folder and those below it, without tests.
func sources(t *testing.T, root string) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files[path], err = parser.ParseFile(token.NewFileSet(), path, nil, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// row is the fields of a row of the operator table, as the source has them.
type row map[string]bool

// table reads the rows of the operator table, literals of map[string]*op, from
// this package's source.
func table(t *testing.T) map[string]row {
	t.Helper()
	rows := map[string]row{}
	for _, f := range sources(t, ".") {
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok || !isTable(lit.Type) {
				return true
			}
			for _, e := range lit.Elts {
				pair := e.(*ast.KeyValueExpr)
				r := row{}
				for _, field := range pair.Value.(*ast.CompositeLit).Elts {
					r[field.(*ast.KeyValueExpr).Key.(*ast.Ident).Name] = true
				}
				rows[text(pair.Key)] = r
			}
			return true
		})
	}
	return rows
}

// isTable reports whether a type is map[string]*op.
func isTable(e ast.Expr) bool {
	m, ok := e.(*ast.MapType)
	if !ok {
		return false
	}
	p, ok := m.Value.(*ast.StarExpr)
	return ok && named(p.X, "op")
}

func named(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// text returns the value of a string literal, "" for anything else.
func text(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	s, _ := strconv.Unquote(lit.Value)
	return s
}

// TestTable: every operator is documented, inferred and lowered; the codes that
// are emitted are those of the table.
func TestTable(t *testing.T) {
	rows := table(t)
	if len(rows) < 30 {
		t.Fatalf("found %d operators only", len(rows))
	}
	for code, r := range rows {
		for _, field := range []string{"doc", "lower"} {
			if !r[field] {
				t.Errorf("operator %s has no %s", code, field)
			}
		}
	}
	emitted := map[string]bool{"Input": true, "ScanSlot": true} // appended without emit
	for _, f := range sources(t, ".") {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			method, isMethod := call.Fun.(*ast.SelectorExpr)
			if named(call.Fun, "emit") || isMethod && method.Sel.Name == "emit" {
				emitted[text(call.Args[0])] = true
			}
			return true
		})
	}
	delete(emitted, "") // emit itself passes on its parameter
	for code := range emitted {
		if _, ok := rows[code]; !ok {
			t.Errorf("%q is emitted, but not in the table", code)
		}
	}
	for code := range rows {
		if !emitted[code] {
			t.Errorf("operator %s is in the table, but never emitted", code)
		}
	}
}

// TestProgramsAreComplete: the gradient of every operator that has one is among
// the programs that are compared with differences, or among their gradients, which
// are differentiated again.
func TestProgramsAreComplete(t *testing.T) {
	used := map[string]bool{}
	for _, p := range programs() {
		g := build(t, func(b *builder.B) {
			x := p.declare(b)
			y := p.f(b, x)
			b.Output("y", y)
			if p.once {
				return
			}
			for i, dx := range builder.Grad(y, y.Like(1), p.real(x)...) {
				b.Output("d"+name(i), dx)
			}
		})
		for _, line := range strings.Split(g.String(), "\n") {
			if _, op, ok := strings.Cut(line, " = "); ok {
				used[strings.Fields(op)[0]] = true
			}
		}
	}
	for code, r := range table(t) {
		tested := used[code] || code == "Guard" && used["Input"] || code == "Softmax" || code == "Erf" // of float32 only: their gradients are those of the families
		if r["vjp"] && !tested {
			t.Errorf("no program uses %s", code)
		}
	}
}

// TestPolicies holds the module to its rules: one recover in this package, no
// init functions, no exported variables that anyone could change.
func TestPolicies(t *testing.T) {
	recovers := 0
	files := sources(t, "..")
	for _, path := range slices.Sorted(maps.Keys(files)) {
		for _, d := range files[path].Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function", path)
			}
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				checkVariables(t, path, g)
			}
		}
		inBuilder := filepath.Dir(path) == filepath.Join("..", "builder")
		ast.Inspect(files[path], func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && inBuilder && named(call.Fun, "recover") {
				recovers++
			}
			return true
		})
		if data, err := os.ReadFile(path); err != nil || strings.Count(string(data), "\n") >= 500 {
			t.Errorf("%s has 500 lines or more (%v)", path, err)
		}
	}
	if recovers != 1 {
		t.Errorf("package builder recovers in %d places, want 1", recovers)
	}
}

// checkVariables reports exported maps.
func checkVariables(t *testing.T, path string, g *ast.GenDecl) {
	t.Helper()
	for _, spec := range g.Specs {
		v := spec.(*ast.ValueSpec)
		for i, name := range v.Names {
			_, isMap := v.Type.(*ast.MapType)
			if i < len(v.Values) {
				if lit, ok := v.Values[i].(*ast.CompositeLit); ok {
					_, literal := lit.Type.(*ast.MapType)
					isMap = isMap || literal
				}
			}
			if name.IsExported() && isMap {
				t.Errorf("%s exports the map %s", path, name.Name)
			}
		}
	}
}
