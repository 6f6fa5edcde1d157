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
	text := p.loss.reference(c, p.Options)
	if p.wrap.ZLoss != nil || len(p.wrapperNames()) > 0 {
		text = p.reducedTorch(c)
	}
	text = p.withLogits(text)
	if s := p.wrap.Scale; s != nil && *s != 1 {
		text = python(*s) + " * " + operand(text)
	}
	return text
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
		c := python(*p.wrap.Softcap)
		x = fmt.Sprintf("(%s * torch.tanh(%s / %s))", c, x, c)
	}
	if p.wrap.Temperature != nil {
		x = fmt.Sprintf("(%s / %s)", x, python(*p.wrap.Temperature))
	}
	return rename(text, map[string]string{p.Spec.Logits: x})
}

// eachTorch is the expression of the losses before reduction.
func (p *Plan) eachTorch(c *Call) string {
	unreduced := maps.Clone(p.Options)
	unreduced["reduction"] = string(None)
	text := p.loss.reference(c, unreduced)
	if z := p.wrap.ZLoss; z != nil {
		lse := fmt.Sprintf("torch.logsumexp(%s, %d) ** 2", p.Spec.Logits, min(1, len(p.Ports[0].Shape)-1))
		if kept := p.loss.counts(c, p.Options); kept != "" {
			kept = c.expand(fmt.Sprintf("{target} != %v", p.Options["ignore_index"]), nil)
			lse = fmt.Sprintf("torch.where(%s, %s, 0)", kept, lse)
		}
		text = fmt.Sprintf("%s + %s * %s", operand(text), python(*z), lse)
	}
	if c.has("sample_weight", p) {
		text = operand(text) + " * sample_weight"
	}
	return text
}

// has reports whether an input of a wrapper exists.
func (c *Call) has(name string, p *Plan) bool { return slices.Contains(p.wrapperNames(), name) }

// reducedTorch is the expression of a loss whose reduction is written out.
func (p *Plan) reducedTorch(c *Call) string {
	each, mask := p.eachTorch(c), c.has("mask", p)
	kept := "loss"
	if mask {
		kept = "torch.where(mask, loss, 0)"
	}
	divisor := p.divisorTorch(c)
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
		form = kept + ".sum()"
	case divisor == "loss.numel()":
		form = kept + ".mean()"
	default:
		form = kept + ".sum() / " + divisor
	}
	if strings.Count(form, "loss") == 1 {
		return strings.Replace(form, "loss", operand(each), 1)
	}
	return fmt.Sprintf("(lambda loss: %s)(%s)", form, each)
}

// divisorTorch is the expression of what mean divides by, over the unreduced
// losses, which it calls loss.
func (p *Plan) divisorTorch(c *Call) string {
	counted, mask := p.loss.counts(c, p.Options), c.has("mask", p)
	switch {
	case p.reduction() == BatchMean && len(p.Ports[0].Shape) > 0:
		return p.Ports[0].Name + ".size(0)"
	case p.reduction() == BatchMean:
		return "1"
	case mask && counted != "":
		counted = fmt.Sprintf("torch.where(mask, %s, 0).sum()", counted)
	case mask:
		counted = "mask.expand_as(loss).sum()"
	case counted != "":
		counted = operand(counted) + ".sum()"
	case p.emptyIsZero():
		return "max(loss.numel(), 1)"
	default:
		return "loss.numel()"
	}
	if p.emptyIsZero() {
		counted += ".clamp(min=1)"
	}
	return counted
}

// emptyIsZero asks the loss's Term.
func (p *Plan) emptyIsZero() (yes bool) {
	_, _ = builder.Build(p.Loss, func(b *builder.B) {
		c := p.call(b)
		for _, port := range p.Ports {
			c.inputs[port.Name] = c.compute(b.Input(port.Name, port.DType, port.Shape))
		}
		yes = p.loss.build(c, p.Options).EmptyIsZero
	})
	return yes
}

// normalizerExpression is the expression of the output normalizer.
func (p *Plan) normalizerExpression() string {
	c := p.blankCall()
	divisor := p.divisorTorch(c)
	if strings.HasSuffix(divisor, ")") && !strings.Contains(divisor, "numel") && !strings.Contains(divisor, "size(0)") {
		return p.withLogits(fmt.Sprintf("(lambda loss: %s.to(loss.dtype))(%s)", divisor, p.eachTorch(c)))
	}
	return p.withLogits(fmt.Sprintf("(lambda loss: loss.new_tensor(%s))(%s)", divisor, p.eachTorch(c)))
}

// operand puts an expression that is not a single term in parentheses.
func operand(text string) string {
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
