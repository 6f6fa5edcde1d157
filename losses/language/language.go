// Package language declares losses of language models: of tokens, of routers to
// experts, of preferences between answers, and of policies that write them.
package language

import "github.com/lossgen/lossgen/losses"

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		CausalLM,
		ZLoss,
		LoadBalancing,
		DPO,
		SimPO,
		CPO,
		ORPO,
		KTO,
		RewardBT,
		GRPO,
		CISPO,
		SAPO,
	}
}

// family heads these losses in lists.
const family = "language"

// trained is an input that comes from the model in training, reference one that does
// not: it has no gradient.
func trained(name, doc string, d losses.Domain) losses.Input {
	return losses.Input{Name: name, Doc: doc, Domain: d, Grad: losses.Default}
}

func reference(name, doc string, d losses.Domain) losses.Input {
	return losses.Input{Name: name, Doc: doc, Domain: d}
}

// perRow are the shapes of inputs with one number for each row.
func perRow(inputs []losses.Input) []losses.Shapes {
	s := losses.Shapes{}
	for _, in := range inputs {
		s[in.Name] = "N"
	}
	return []losses.Shapes{s}
}
