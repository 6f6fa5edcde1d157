package losses

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lossgen/lossgen/builder"
)

// This file writes the PyTorch expressions of losses with their wrappers.

// Expression returns the PyTorch expression of the plan, over its input names.
func (p *Plan) Expression() string {
	c := p.blankCall()
	text := ""
	if p.writtenOut() {
		text = p.reducedTorch(c)
	} else {
		text = p.loss.reference(c, p.Options)
		if p.reduction() == None {
			text = p.movedBackTorch(text)
		}
		text = p.movedTorch(p.withLogits(text))
	}
	text = p.mapTorch(MapResult, text)
	if s := p.wrap.Scale; s != nil && *s != 1 {
		text = Python(*s) + " * " + Operand(text)
	}
	return p.widened(p.withMapped(text))
}

// writtenOut reports whether the expression says how the loss is reduced.
func (p *Plan) writtenOut() bool {
	return p.wrap.ZLoss != nil || len(p.steps[MapLosses]) > 0 || len(p.wrapperNames()) > 0
}

// widened converts 16-bit inputs for a float32 loss.
func (p *Plan) widened(text string) string {
	names := map[string]string{}
	for _, port := range p.Ports {
		if p.LossDType != p.DType && port.DType == p.DType {
			names[port.Name] = port.Name + ".float()"
		}
	}
	return rename(text, names)
}

// blankCall is a call without values, which tells expressions what exists.
func (p *Plan) blankCall() *Call {
	c := p.call(nil)
	for _, port := range p.Ports {
		c.inputs[port.Name] = builder.Value{}
	}
	return c
}

// withLogits puts the changed logits in their input's place.
func (p *Plan) withLogits(text string) string {
	x := p.Spec.Logits
	if p.wrap.Softcap != nil {
		c := Python(*p.wrap.Softcap)
		x = fmt.Sprintf("(%s * torch.tanh(%s / %s))", c, x, c)
	}
	if p.wrap.Temperature != nil {
		x = fmt.Sprintf("(%s / %s)", x, Python(*p.wrap.Temperature))
	}
	return rename(text, map[string]string{p.Spec.Logits: x})
}

// eachTorch is the expression of the losses before reduction, of those that count
// where there is a mask.
func (p *Plan) eachTorch(c *Call) string {
	unreduced := maps.Clone(p.Options)
	unreduced["reduction"] = string(None)
	text := p.mapTorch(MapLosses, p.movedBackTorch(p.loss.reference(c, unreduced)))
	if z := p.wrap.ZLoss; z != nil {
		axis := 1
		if len(p.Ports[0].Shape) == 1 && (p.layout == nil || !p.layout.indexed) {
			axis = 0
		}
		lse := fmt.Sprintf("torch.logsumexp(%s, %d) ** 2", p.Spec.Logits, axis)
		if kept := p.probe.kept; kept != "" {
			lse = fmt.Sprintf("torch.where(%s, %s, 0)", kept, lse)
		}
		text = fmt.Sprintf("%s + %s * %s", Operand(text), Python(*z), lse)
	}
	if c.has("sample_weight", p) {
		text = Operand(text) + " * sample_weight"
		if c.Has("mask") && !p.isWrapper("mask") { // what the loss's own mask leaves out has no weight either
			text = fmt.Sprintf("torch.where(%s, %s, 0)", p.probe.kept, text)
		}
	}
	return p.keptTorch(p.movedTorch(p.withLogits(text)))
}

// has reports whether an input of a wrapper exists.
func (c *Call) has(name string, p *Plan) bool { return slices.Contains(p.wrapperNames(), name) }

// reducedTorch is the expression of a loss whose reduction is written out.
func (p *Plan) reducedTorch(c *Call) string {
	each, kept := p.eachTorch(c), "loss"
	if p.layout != nil {
		kept = "loss.new_zeros(mask.shape).masked_scatter(mask, loss)"
	}
	divisor, _ := p.divisorTorch()
	if p.probe.zeroIsNaN {
		divisor = "(lambda n: n / (n != 0))(" + divisor + ")"
	}
	if c.has("normalizer", p) {
		divisor = "normalizer"
	}
	form := ""
	switch r := p.divided(); {
	case r == None && c.has("normalizer", p):
		form = kept + " / normalizer"
	case r == None:
		form = kept
	case r == Sum:
		form = "loss.sum()"
	case divisor == "loss.numel()":
		form = "loss.mean()"
	default:
		form = "loss.sum() / " + divisor
	}
	if strings.Count(form, "loss") == 1 {
		return p.withMask(strings.Replace(form, "loss", Operand(each), 1))
	}
	return p.withMask(fmt.Sprintf("(lambda loss: %s)(%s)", form, each))
}

// withMask gives the mask in an expression the shape of the unreduced loss.
func (p *Plan) withMask(text string) string {
	if p.layout == nil {
		return text
	}
	if mask := p.maskTorch(); mask != "mask" {
		return fmt.Sprintf("(lambda mask: %s)(%s)", text, mask)
	}
	return text
}

// divisorTorch is the expression of what mean divides by, over the unreduced
// losses, which it calls loss, and whether that is a tensor.
func (p *Plan) divisorTorch() (text string, isTensor bool) {
	switch t := p.probe; {
	case t.count != "":
		return t.count, false
	case t.divisor == "" && t.emptyIsZero:
		return "max(loss.numel(), 1)", false
	case t.divisor == "":
		return "loss.numel()", false
	}
	text = Operand(p.keptTorch(p.movedTorch(p.probe.divisor))) + ".sum()"
	if p.probe.emptyIsZero {
		text += ".clamp(min=1)"
	}
	return text, true
}

// normalizerExpression is the expression of the output normalizer.
func (p *Plan) normalizerExpression() string {
	form, isTensor := p.divisorTorch()
	if isTensor {
		form += ".to(loss.dtype)"
	} else {
		form = fmt.Sprintf("loss.new_tensor(%s)", form)
	}
	text := fmt.Sprintf("(lambda loss: %s)(%s)", form, p.eachTorch(p.blankCall()))
	return p.withMask(p.withMapped(text))
}

// Operand puts an expression that is not a single term in parentheses.
func Operand(text string) string {
	depth, quoted := 0, false
	for _, r := range text {
		switch {
		case r == '\'':
			quoted = !quoted
		case quoted:
		case strings.ContainsRune("([{", r):
			depth++
		case strings.ContainsRune(")]}", r):
			depth--
		case r == ' ' && depth == 0:
			return "(" + text + ")"
		}
	}
	return text
}

// rename replaces names of inputs in a Python expression: identifiers that are
// no attributes, no keywords of a call and not inside of a string.
func rename(text string, to map[string]string) string {
	var out strings.Builder
	quoted := false
	for i := 0; i < len(text); {
		end := i
		for end < len(text) && isWord(text[end]) {
			end++
		}
		if end == i {
			quoted = quoted != (text[i] == '\'')
			out.WriteByte(text[i])
			i++
			continue
		}
		word, rest := text[i:end], text[end:]
		keyword := strings.HasPrefix(rest, "=") && !strings.HasPrefix(rest, "==")
		attribute := i > 0 && text[i-1] == '.'
		if other, ok := to[word]; ok && !quoted && !keyword && !attribute {
			word = other
		}
		out.WriteString(word)
		i = end
	}
	return out.String()
}

func isWord(b byte) bool {
	return b == '_' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}
