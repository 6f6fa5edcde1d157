// Package reinforcement declares losses of agents that learn from rewards: of policies,
// and of the values of states and actions.
package reinforcement

import "github.com/lossgen/lossgen/losses"

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		PPO,
		Reinforce,
		A2C,
		SAC,
		DQN,
		C51,
		QuantileHuber,
	}
}

// family heads these losses in lists.
const family = "reinforcement"

// trained is an input that comes from the network in training, given one that does
// not: it has no gradient.
func trained(name, doc string, d losses.Domain) losses.Input {
	return losses.Input{Name: name, Doc: doc, Domain: d, Grad: losses.Default}
}

func given(name, doc string, d losses.Domain) losses.Input {
	return losses.Input{Name: name, Doc: doc, Domain: d}
}

// actions are what was done.
func actions() losses.Input {
	return losses.Input{Name: "actions", Doc: "number of the action of each row", Domain: losses.Class, Of: losses.Of{Axis: "A"}}
}

// actionPolicy is what an action does that is none.
const actionPolicy = "an action outside [0, A) ends the run with an index error, as PyTorch raises"

// taken returns the column of each row's action.
func taken(c *losses.Call, x losses.Value) losses.Value {
	index := c.In("actions").Within(x.Shape()[1]).Unsqueeze(1)
	return x.Pick(1, index).Squeeze(1)
}
