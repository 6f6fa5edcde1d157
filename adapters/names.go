package adapters

import (
	"slices"
	"strings"
	"unicode"
)

// language is how a stack's language writes names and strings.
type language struct {
	// form brings a name of the file's into the language's style.
	form func(string) string
	// words cannot name an input or output: keywords, and what stands where
	// templates use such names.
	words string
	// types cannot name the type of a loss, modules not its source file.
	types, modules string
	// headers: names also share their space with ONNX Runtime's interface and
	// with macros.
	headers bool
	escape  func(rune) string
	// sizeOf looks up the size of a letter, and atLeast0 is the larger one of a size and
	// 0: patterns of fmt.
	sizeOf, atLeast0 string
}

var python = language{
	form: snake,
	words: `False None True and as assert async await break class continue def del elif else except finally for from global
		if import in is lambda nonlocal not or pass raise return try while with yield
		self path grad_output outputs pathlib dict zip FILE NAMES VALUES GRADIENTS`,
	escape: escapePython,
	sizeOf: "sizes[%s]", atLeast0: "max(%s, 0)",
}

// js has names in strings only.
var js = language{form: snake, escape: escapeJS, sizeOf: "sizes.get(%s)", atLeast0: "Math.max(%s, 0)"}

var java = language{
	form: camelName,
	words: `abstract assert boolean break byte case catch char class const continue default do double else enum extends
		final finally float for goto if implements import instanceof int interface long native new package private
		protected public return short static strictfp super switch synchronized this throw throws transient try void
		volatile while true false null`,
	escape: escapeJava,
	sizeOf: "call.sizes.get(%s)", atLeast0: "Math.max(%s, 0)",
}

var rust = language{
	form:    snake,
	words:   rustWords,
	modules: rustWords + ` main lib build ort half std core alloc`,
	types: `Self Session SessionInputValue SessionOutputs Environment LogLevel PrimitiveTensorElementType TensorRef HashMap
		Inputs Outputs Error Sizes Option Some None Ok Err Result Vec String Box From Into AsRef Clone Debug Copy Sized`,
	escape: escapeRust,
	sizeOf: "sizes.get(%s)", atLeast0: "(%s).max(0)",
}

const rustWords = `as break const continue crate else enum extern false fn for if impl in let loop match mod move mut pub
	ref return self Self static struct super trait true type unsafe use where while async await dyn abstract become box do
	final macro override priv typeof unsized virtual yield try gen`

var cpp = language{
	form: plainCpp,
	words: `alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class
		compl concept const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default
		delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable
		namespace new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast
		requires return short signed sizeof static static_assert static_cast struct switch template this thread_local throw
		true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq
		Inputs Outputs View errno stdin stdout stderr linux unix`,
	types:   `Inputs Outputs View Call Owned Values T`,
	headers: true,
	escape:  escapeCpp,
	sizeOf:  "call.size(%s)", atLeast0: "std::max<int64_t>(%s, 0)",
}

var golang = language{form: typeName, escape: escapePython, sizeOf: "c.sizes[%s]", atLeast0: "max(%s, 0)"}

// identifier turns a file's stem into a name that every language accepts, but for
// its own words.
func identifier(stem string) string {
	name := strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '_'
	}, stem)
	return startsWithLetter(strings.TrimLeft(name, "_"))
}

func startsWithLetter(name string) string {
	if name == "" || unicode.IsDigit(rune(name[0])) {
		return "loss_" + name
	}
	return name
}

// typeName turns "cross_entropy" into "CrossEntropy".
func typeName(name string) string {
	var b strings.Builder
	for _, word := range strings.Split(snake(name), "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// camelName turns "grad_input" into "gradInput".
func camelName(name string) string {
	t := typeName(name)
	return strings.ToLower(t[:1]) + t[1:]
}

// snake is a name as files have it, but for a line in front, which often means
// something else.
func snake(name string) string { return startsWithLetter(strings.TrimLeft(name, "_")) }

// plainCpp keeps away from names with two lines, which belong to the compiler, and
// from those that macros have: all capitals.
func plainCpp(name string) string {
	name = snake(name)
	for strings.Contains(name, "__") {
		name = strings.ReplaceAll(name, "__", "_")
	}
	if capitals(name) {
		return strings.ToLower(name)
	}
	return name
}

// capitals reports whether a name is written as macros are.
func capitals(name string) bool {
	letters := strings.Trim(name, "0123456789_")
	return len(letters) > 1 && name == strings.ToUpper(name)
}

// moduleName is the name of a source file, less its ending.
func (l language) moduleName(stem string) string {
	name := identifier(stem)
	if has(l.modules, name) {
		name += "_loss"
	}
	return name
}

// className is the name of the type that a stem gives.
func (l language) className(stem string) string {
	name := typeName(identifier(stem))
	header := l.headers && (strings.HasPrefix(name, "Ort") || strings.HasPrefix(name, "ONNX") || capitals(name))
	if header || has(l.types, name) {
		name += "Loss"
	}
	return name
}

// members names the inputs and outputs, and the shapes beside them: each name
// once, in the language's style, none of its words. A name that is taken gets a
// line behind it.
func (l language) members(names []string) (members, shapes map[string]string) {
	var taken []string
	choose := func(name string) string {
		name = l.form(name)
		for slices.Contains(taken, name) || has(l.words, name) {
			name += "_"
		}
		taken = append(taken, name)
		return name
	}
	members, shapes = map[string]string{}, map[string]string{}
	for _, name := range names {
		members[name] = choose(name)
	}
	for _, name := range names {
		shapes[name] = choose(name + "_shape")
	}
	return members, shapes
}

func has(words, name string) bool { return slices.Contains(strings.Fields(words), name) }
