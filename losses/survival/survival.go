// Package survival declares losses of times until an event, which are often seen up
// to some time only.
package survival

import "github.com/lossgen/lossgen/losses"

// Losses are those of this package, in the order of lists.
func Losses() losses.Catalog {
	return losses.Catalog{
		Cox,
		LogisticHazard,
		SurvivalPMF,
		DeepHit,
		Weibull,
	}
}

// family heads these losses in lists.
const family = "survival"

// event is what was seen of each row.
func event() losses.Input {
	return losses.Input{Name: "event", Doc: "1 where the event was seen, 0 where the row is censored", Domain: losses.Event}
}

// times are those of the event, or of the last look.
func times() losses.Input {
	return losses.Input{Name: "time", Doc: "time of the event, or of the last look at a censored row", Domain: losses.Time}
}
