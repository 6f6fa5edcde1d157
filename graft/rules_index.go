package graft

import (
	"github.com/lossgen/lossgen/builder"
)

// This file has the operators that address elements by number.

var indexRules = map[string]rule{
	"Gather": func(c *call) []builder.Value {
		return one(c.in[0].Gather(c.axis(0, c.in[0].Rank()), c.in[1]))
	},
}
