package adapters

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Text is text from outside: a file's name, a formula, a description. Where a
// template prints it as it is, it stands in a comment, and it prints itself as
// what ends none, in any language, and escapes nothing. Code has it as a literal,
// by the functions quote and single.
type Text string

func (t Text) String() string {
	s := strings.Map(func(r rune) rune {
		switch {
		case r == '\\', !unicode.IsPrint(r): // a continued line, Java's \u, a new line, a change of direction
			return '_'
		}
		return r
	}, string(t))
	return endings.Replace(s)
}

// endings are what ends a comment or a docstring, and what C++ read as a backslash once.
var endings = strings.NewReplacer(`*/`, `*_`, `"""`, `'''`, `??/`, `__/`)

// literal writes text between quotation marks. Every language here knows a
// backslash before these marks and itself; escape writes a rune that is not plain,
// and says whether it has to.
func literal(text string, mark rune, escape func(r rune) string) string {
	var b strings.Builder
	b.WriteRune(mark)
	for _, r := range text {
		switch {
		case r == mark || r == '\\':
			b.WriteString(`\` + string(r))
		case ' ' <= r && r <= '~':
			b.WriteRune(r)
		default:
			b.WriteString(escape(r))
		}
	}
	b.WriteRune(mark)
	return b.String()
}

// escapePython is also Go's way.
func escapePython(r rune) string {
	switch {
	case unicode.IsPrint(r):
		return string(r)
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

func escapeJS(r rune) string {
	if unicode.IsPrint(r) {
		return string(r)
	}
	return escapeUTF16(r)
}

func escapeRust(r rune) string {
	if unicode.IsPrint(r) {
		return string(r)
	}
	return fmt.Sprintf(`\u{%x}`, r)
}

// escapeCpp writes the bytes of UTF-8, whatever encoding a compiler assumes. Octal
// numbers end after three digits; those with an x would take what follows.
func escapeCpp(r rune) string {
	var b strings.Builder
	for _, c := range []byte(string(r)) {
		fmt.Fprintf(&b, `\%03o`, c)
	}
	return b.String()
}

// escapeJava leaves the ends of lines to octal numbers: Java reads \u before it
// finds lines and strings.
func escapeJava(r rune) string {
	if r < 0x80 {
		return fmt.Sprintf(`\%03o`, r)
	}
	return escapeUTF16(r)
}

func escapeUTF16(r rune) string {
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// asciiJava rewrites Java source so that any compiler reads it, whatever encoding
// it assumes: comments with plain characters, the rest with escapes.
func asciiJava(text []byte) ([]byte, error) {
	plain := strings.NewReplacer("·", "*", "π", "pi")
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(strings.TrimSpace(line), "//") {
			line = plain.Replace(line)
		}
		for _, r := range line {
			if r < 0x80 {
				b.WriteRune(r)
			} else {
				b.WriteString(escapeUTF16(r))
			}
		}
	}
	return []byte(b.String()), nil
}

// wrap breaks text into lines of at most width columns; lines after the first
// start with prefix.
func wrap(width int, prefix string, text Text) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text.String()) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n"+prefix)
}
