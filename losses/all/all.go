// Package all is the catalogue of the losses of this module.
package all

import (
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/classification"
	"github.com/lossgen/lossgen/losses/composition"
	"github.com/lossgen/lossgen/losses/contrastive"
	"github.com/lossgen/lossgen/losses/depth"
	"github.com/lossgen/lossgen/losses/detection"
	"github.com/lossgen/lossgen/losses/distillation"
	"github.com/lossgen/lossgen/losses/forecasting"
	"github.com/lossgen/lossgen/losses/generative"
	"github.com/lossgen/lossgen/losses/image"
	"github.com/lossgen/lossgen/losses/imbalance"
	"github.com/lossgen/lossgen/losses/language"
	"github.com/lossgen/lossgen/losses/margin"
	"github.com/lossgen/lossgen/losses/metric"
	"github.com/lossgen/lossgen/losses/noise"
	"github.com/lossgen/lossgen/losses/ranking"
	"github.com/lossgen/lossgen/losses/regression"
	"github.com/lossgen/lossgen/losses/reinforcement"
	"github.com/lossgen/lossgen/losses/robust"
	"github.com/lossgen/lossgen/losses/segmentation"
	"github.com/lossgen/lossgen/losses/sequence"
	"github.com/lossgen/lossgen/losses/survival"
)

// Family is losses that belong together.
type Family struct {
	Name   string // as in their declarations
	Title  string // what they are of, one line
	Losses losses.Catalog
}

// Families are all families, in the order of lists.
func Families() []Family {
	return []Family{
		{"classification", "labels and probabilities of classes", classification.Losses()},
		{"imbalance", "classes of which some are rare, and several of a sample", imbalance.Losses()},
		{"noise", "labels that may be wrong", noise.Losses()},
		{"sequence", "sequences of labels, over all alignments", sequence.Losses()},
		{"regression", "numbers, and distributions of numbers", regression.Losses()},
		{"robust", "numbers, with errors that are bounded, rounded off or relative", robust.Losses()},
		{"forecasting", "distributions that a model predicts", forecasting.Losses()},
		{"language", "language models: tokens, preferences, policies", language.Losses()},
		{"reinforcement", "actions that are rewarded, and their values", reinforcement.Losses()},
		{"survival", "times until an event, which may not be seen", survival.Losses()},
		{"margin", "distances that are demanded, of scores, vectors and classes", margin.Losses()},
		{"contrastive", "embeddings of which those that belong together attract", contrastive.Losses()},
		{"metric", "embeddings whose distances follow labels", metric.Losses()},
		{"ranking", "orders of two items and of lists", ranking.Losses()},
		{"detection", "boxes, and scores of what is in them", detection.Losses()},
		{"segmentation", "regions of classes in images", segmentation.Losses()},
		{"image", "images, and how smooth they are", image.Losses()},
		{"depth", "depth, and views that it makes", depth.Losses()},
		{"distillation", "models that learn from others", distillation.Losses()},
		{"generative", "models that make data, and samples of them", generative.Losses()},
		{"composition", "several losses in one", composition.Losses()},
	}
}

// Losses are all losses, by family. A program with losses of its own adds them:
//
//	append(all.Losses(), mine)
func Losses() losses.Catalog {
	var list losses.Catalog
	for _, f := range Families() {
		list = append(list, f.Losses...)
	}
	return list
}
