package segmentation

import (
	"fmt"
	"math"
	"slices"

	"github.com/lossgen/lossgen/builder"
	"github.com/lossgen/lossgen/losses"
	"github.com/lossgen/lossgen/losses/parts"
)

// This file declares dice together with another loss, and functions of it.

// DiceOptions are the options of the dice in another loss.
type DiceOptions struct {
	Squared           bool     `opt:"squared" doc:"sum squares of input and target in the denominator" try:"true"`
	IncludeBackground *bool    `opt:"include_background" doc:"class 0 counts in dice" try:"false"`
	SmoothNr          *float64 `opt:"smooth_nr" doc:"added to the numerator of dice" bounds:"[0,inf)" try:"0;1"`
	SmoothDr          *float64 `opt:"smooth_dr" doc:"added to the denominator of dice" bounds:"[0,inf)" try:"1"`
}

func defaultDice(smooth float64) DiceOptions {
	return DiceOptions{IncludeBackground: new(true), SmoothNr: new(smooth), SmoothDr: new(smooth)}
}

// BatchOption says of which pixels a ratio is.
type BatchOption struct {
	Batch bool `opt:"batch" doc:"sum over the samples, too: a ratio for the whole batch" try:"true"`
}

// LabelOptions are those of losses of one class for each pixel.
type LabelOptions struct {
	IgnoreIndex *int64 `opt:"ignore_index" doc:"label whose pixels do not count" try:"1"`
}

var defaultLabels = LabelOptions{IgnoreIndex: new(int64(-100))}

// regions are the options of the regions of classes that a softmax tells.
func (o DiceOptions) regions(labels LabelOptions, batch bool) parts.RegionOptions {
	r := parts.DefaultRegion()
	r.Batch, r.Squared, r.IncludeBackground, r.SmoothNr, r.SmoothDr, r.IgnoreIndex = batch, o.Squared, o.IncludeBackground, o.SmoothNr, o.SmoothDr, labels.IgnoreIndex
	return r
}

// diceRatio is the ratio of which dice is 1 less.
func diceRatio(o parts.RegionOptions, r parts.Region) losses.Value {
	return o.Ratio(r.Both.Scale(2), r.Predicted.Add(r.True))
}

// meanDice is the mean of the losses of all classes.
func meanDice(c *losses.Call, o parts.RegionOptions) losses.Value {
	return parts.Mean(parts.Regions(c, o).PerClass(c, o, parts.DefaultClasses(), func(r parts.Region) losses.Value {
		return parts.Complement(diceRatio(o, r))
	}))
}

func torchMeanDice(c *losses.Call, o parts.RegionOptions) string {
	loss := parts.TorchPerClass(c, o, parts.DefaultClasses(), "1 - "+o.TorchRatio("2 * i", "a + b"))
	return parts.TorchRegions(c, o, losses.Reduced(loss, losses.Mean))
}

// compound completes the spec of a loss that is one number.
func compound(s losses.Spec) losses.Spec {
	s.Traps = append(slices.Clone(s.Traps), "It is one number for the batch: it has no unreduced form.")
	return overRegions(s)
}

// labeledPorts are the inputs of losses of one class for each pixel.
func labeledPorts[O any](more ...losses.Input) func(O) ([]losses.Input, []losses.Shapes) {
	return func(O) ([]losses.Input, []losses.Shapes) { return parts.DefaultRegion().Ports(more...) }
}

// keptMean is the mean of rows over the pixels that count.
func keptMean(r parts.Rows, c *losses.Call, each losses.Value) losses.Value {
	return builder.Where(r.Kept.Value, each, each.Like(0)).Sum().Div(r.Kept.Cast(c.Compute).Sum())
}

// DiceCEOptions configures [DiceCE].
type DiceCEOptions struct {
	DiceOptions
	BatchOption
	LabelOptions
	LambdaDice *float64 `opt:"lambda_dice" doc:"weight of dice" bounds:"[0,inf)" try:"0.5"`
	LambdaCE   *float64 `opt:"lambda_ce" doc:"weight of the cross entropy" bounds:"[0,inf)" try:"0;2"`
}

// DiceCE is dice and cross entropy (Isensee et al., nnU-Net, 2021).
var DiceCE = &losses.Def[DiceCEOptions]{
	Spec: compound(losses.Spec{
		Name: "dice_ce", Aliases: []string{"dc_and_ce"}, Witness: "monai 1.6.1",
		Title:   "dice and cross entropy together",
		Formula: "lambda_dice·mean(dice(input, target)) + lambda_ce·cross_entropy(input, target)",
		Traps: []string{
			"The defaults are monai's DiceCELoss with a softmax. nnU-Net adds minus the ratio: its loss is this one with smooth terms of 1, less 1.",
			"weight goes into both: it multiplies dice, and the mean of the cross entropy divides by it.",
			"If all pixels are ignored, the cross entropy is NaN, as in PyTorch; nnU-Net takes 0.",
		},
	}),
	Defaults: DiceCEOptions{DiceOptions: defaultDice(1e-5), LabelOptions: defaultLabels, LambdaDice: new(1.0), LambdaCE: new(1.0)},
	Ports:    labeledPorts[DiceCEOptions](parts.ClassWeight()),
	Reference: func(c *losses.Call, o DiceCEOptions) string {
		return c.Expand(fmt.Sprintf("%s * %s + %s * F.cross_entropy(input, {target}, weight={weight}, ignore_index=%d)", losses.Python(*o.LambdaDice),
			torchMeanDice(c, o.regions(o.LabelOptions, o.Batch)), losses.Python(*o.LambdaCE), *o.IgnoreIndex), nil)
	},
	Body: func(c *losses.Call, o DiceCEOptions) losses.Term {
		x := c.In("input")
		r := parts.Labeled(c, x, *o.IgnoreIndex)
		ce := r.Flat(x.SoftmaxNLL(r.Axis, r.Index()))
		mean := keptMean(r, c, ce)
		if w := r.PerRow(c); !w.IsZero() {
			weight := builder.Where(r.Kept.Value, w, w.Like(0))
			mean = builder.Where(r.Kept.Value, ce.Mul(w), ce.Like(0)).Sum().Div(weight.Sum())
		}
		return losses.Term{Each: meanDice(c, o.regions(o.LabelOptions, o.Batch)).Scale(*o.LambdaDice).Add(mean.Scale(*o.LambdaCE)), Reduced: true}
	},
	Golden: compoundCases(),
}

// compoundCases are golden cases of pixels that are predicted perfectly or hopelessly.
func compoundCases() []losses.Case {
	var list []losses.Case
	for _, c := range regionCases() {
		if slices.Contains([]string{"one_class_in_target", "perfect", "hopeless", "no_pixels"}, c.Name) {
			c.Options = nil
			list = append(list, c)
		}
	}
	return list
}

// BCEDiceOptions configures [BCEDice].
type BCEDiceOptions struct {
	DiceOptions
	BatchOption
	WeightBCE  *float64 `opt:"weight_bce" doc:"weight of the binary cross entropy" bounds:"[0,inf)" try:"1"`
	WeightDice *float64 `opt:"weight_dice" doc:"weight of dice" bounds:"[0,inf)" try:"0;1"`
}

// regions are the options of the regions of channels that a sigmoid tells.
func (o BCEDiceOptions) regions() parts.RegionOptions {
	r := o.DiceOptions.regions(defaultLabels, o.Batch)
	r.Activation, r.Target = "sigmoid", "probabilities"
	return r
}

// BCEDice is binary cross entropy and dice of channels.
var BCEDice = &losses.Def[BCEDiceOptions]{
	Spec: compound(losses.Spec{
		Name: "bce_dice", Aliases: []string{"dice_bce"}, Witness: "ultralytics 8.4.190",
		Title:   "binary cross entropy and dice of channels together",
		Formula: "weight_bce·mean(bce(input, target)) + weight_dice·mean(dice(sigmoid(input), target))",
		Traps: []string{
			"The defaults are those of ultralytics: half of each, smooth terms of 1, a ratio for each sample and channel. The snippet that goes around has weights of 1 and one ratio for all of a batch with one channel: --weight_bce 1 --weight_dice 1 --batch.",
		},
	}),
	Defaults: BCEDiceOptions{DiceOptions: defaultDice(1), WeightBCE: new(0.5), WeightDice: new(0.5)},
	Ports:    func(o BCEDiceOptions) ([]losses.Input, []losses.Shapes) { return o.regions().Ports() },
	Adapt:    func(s *losses.Spec, _ BCEDiceOptions) { s.LabelPolicy = "" },
	Reference: func(c *losses.Call, o BCEDiceOptions) string {
		return fmt.Sprintf("%s * F.binary_cross_entropy_with_logits(input, target) + %s * %s", losses.Python(*o.WeightBCE), losses.Python(*o.WeightDice), torchMeanDice(c, o.regions()))
	},
	Body: func(c *losses.Call, o BCEDiceOptions) losses.Term {
		bce := parts.Mean(parts.LogitCrossEntropy(c.In("input"), c.In("target"), losses.Value{}))
		return losses.Term{Each: bce.Scale(*o.WeightBCE).Add(meanDice(c, o.regions()).Scale(*o.WeightDice)), Reduced: true}
	},
	Golden: []losses.Case{
		{Name: "empty_target", Fill: map[string]string{"target": "constant:0"}},
		{Name: "saturated", Set: map[string]losses.Edge{"input": {0: 1e4, 1: -1e4, 2: 1e4, 3: -1e4}, "target": {0: 1, 1: 0, 2: 0, 3: 1}}},
	},
}

// DiceFocalOptions configures [DiceFocal].
type DiceFocalOptions struct {
	DiceOptions
	BatchOption
	LabelOptions
	Gamma       *float64 `opt:"gamma" doc:"how strongly well-classified scores are played down" bounds:"[0,inf)" try:"0;1"`
	LambdaDice  *float64 `opt:"lambda_dice" doc:"weight of dice" bounds:"[0,inf)" try:"0.5"`
	LambdaFocal *float64 `opt:"lambda_focal" doc:"weight of the focal loss" bounds:"[0,inf)" try:"0;2"`
}

// DiceFocal is dice of a softmax and the focal loss of sigmoids (Zhu et al.,
// AnatomyNet, 2019).
var DiceFocal = &losses.Def[DiceFocalOptions]{
	Spec: compound(losses.Spec{
		Name: "dice_focal", Witness: "monai 1.6.1",
		Title:   "dice and focal loss together",
		Formula: "lambda_dice·mean(dice(softmax(input), target)) + lambda_focal·mean(exp(gamma·log_sigmoid(-z))·softplus(-z)), z = input·(2·onehot - 1)",
		Traps: []string{
			"As in monai, the focal loss is that of a sigmoid for each class, while dice is that of a softmax; its mean is over all classes of all pixels.",
			"Pixels of ignore_index count in neither. If all are ignored, the focal loss is NaN.",
		},
	}),
	Defaults: DiceFocalOptions{DiceOptions: defaultDice(1e-5), LabelOptions: defaultLabels, Gamma: new(2.0), LambdaDice: new(1.0), LambdaFocal: new(1.0)},
	Ports:    labeledPorts[DiceFocalOptions](),
	Reference: func(c *losses.Call, o DiceFocalOptions) string {
		focal := fmt.Sprintf("(lambda z, k: torch.where(k, torch.exp(%s * F.logsigmoid(-z)) * F.softplus(-z), 0).sum() / k.expand(z.shape).sum())(input * (2 * F.one_hot(torch.where({target} == %[2]d, 0, {target}), input.size(1)).movedim(-1, 1) - 1), ({target} != %[2]d).unsqueeze(1))",
			losses.Python(*o.Gamma), *o.IgnoreIndex)
		return c.Expand(losses.Python(*o.LambdaDice)+" * "+torchMeanDice(c, o.regions(o.LabelOptions, o.Batch))+" + "+losses.Python(*o.LambdaFocal)+" * "+focal, nil)
	},
	Body: func(c *losses.Call, o DiceFocalOptions) losses.Term {
		x := c.In("input")
		r := parts.Labeled(c, x, *o.IgnoreIndex)
		z := x.Mul(r.OneHot(x).Scale(2).Shift(-1))
		each := z.Neg().LogSigmoid().Scale(*o.Gamma).Exp().Mul(z.Neg().Softplus())
		kept := r.Kept.Unsqueeze(r.Axis).BroadcastTo(x.Shape())
		focal := builder.Where(kept, each, each.Like(0)).Sum().Div(kept.Cast(c.Compute).Sum())
		return losses.Term{Each: meanDice(c, o.regions(o.LabelOptions, o.Batch)).Scale(*o.LambdaDice).Add(focal.Scale(*o.LambdaFocal)), Reduced: true}
	},
	Golden: compoundCases(),
}

// LogCoshDiceOptions configures [LogCoshDice].
type LogCoshDiceOptions struct {
	DiceOptions
	BatchOption
	LabelOptions
}

// LogCoshDice is log(cosh(dice)) (Jadon, A survey of loss functions for semantic
// segmentation, 2020).
var LogCoshDice = &losses.Def[LogCoshDiceOptions]{
	Spec: compound(losses.Spec{
		Name:    "log_cosh_dice",
		Title:   "logarithm of the hyperbolic cosine of dice",
		Formula: "d = mean(dice(input, target)); log(cosh(d)) = |d| + log(1 + exp(-2|d|)) - log 2",
		Traps: []string{
			"It is taken of the mean over samples and classes. Near 0 it is d^2/2, so that its gradient falls off as the prediction gets good.",
		},
	}),
	Defaults: LogCoshDiceOptions{DiceOptions: defaultDice(1e-5), LabelOptions: defaultLabels},
	Ports:    labeledPorts[LogCoshDiceOptions](),
	Reference: func(c *losses.Call, o LogCoshDiceOptions) string {
		return parts.TorchLogCosh(torchMeanDice(c, o.regions(o.LabelOptions, o.Batch)))
	},
	Body: func(c *losses.Call, o LogCoshDiceOptions) losses.Term {
		return losses.Term{Each: parts.LogCosh(meanDice(c, o.regions(o.LabelOptions, o.Batch))), Reduced: true}
	},
	Golden: append(compoundCases(),
		losses.Case{Name: "ignored_unsmoothed", Options: losses.Values{"smooth_dr": 0.0}, Fill: map[string]string{"target": "constant:-100"}},
		losses.Case{Name: "far_below_0", Options: losses.Values{"smooth_nr": 1.0}, Set: map[string]losses.Edge{"target": {0: -100, 1: -100}}},
	),
}

// impossible is a pixel whose class has the probability 0, with a power of the loss
// whose slope is infinite there.
func impossible() losses.Case {
	return losses.Case{Name: "impossible", Options: losses.Values{"gamma": 2.0},
		Set: map[string]losses.Edge{"input": {0: math.Inf(-1)}, "target": {0: 0}}}
}

// ExponentialLogOptions configures [ExponentialLog].
type ExponentialLogOptions struct {
	DiceOptions
	LabelOptions
	Batch      *bool    `opt:"batch" doc:"a ratio for the whole batch, not one for each sample" try:"false"`
	WeightDice *float64 `opt:"weight_dice" doc:"weight of dice" bounds:"[0,inf)" try:"0.5"`
	WeightCE   *float64 `opt:"weight_ce" doc:"weight of the cross entropy" bounds:"[0,inf)" try:"0"`
	Gamma      *float64 `opt:"gamma" doc:"power of both logarithms" bounds:"(0,inf)" try:"1;2"`
	Floor      float64  `opt:"floor" doc:"least number that is raised to the power" bounds:"[0,1]" try:"1e-6"`
}

// ExponentialLog is a power of logarithms of dice and of probabilities (Wong et al., 3D
// Segmentation with Exponential Logarithmic Loss, 2018).
var ExponentialLog = &losses.Def[ExponentialLogOptions]{
	Spec: compound(losses.Spec{
		Name:    "exponential_log",
		Title:   "powers of the logarithms of dice and of probabilities",
		Formula: "weight_dice·mean((-log(ratio))^gamma) + weight_ce·mean(ce(input, target)^gamma); ratio = (2·sum p·t + smooth_nr)/(sum p + sum t + smooth_dr)",
		Traps: []string{
			"With gamma below 1 the gradient of what is predicted perfectly is not finite: a floor such as 1e-6 makes it 0.",
			"Pixels of ignore_index count in neither. The paper weighs classes by their size; here all count the same.",
		},
	}),
	Defaults: ExponentialLogOptions{DiceOptions: defaultDice(1), LabelOptions: defaultLabels, Batch: new(true), WeightDice: new(0.8), WeightCE: new(0.2), Gamma: new(0.3)},
	Ports:    labeledPorts[ExponentialLogOptions](),
	Reference: func(c *losses.Call, o ExponentialLogOptions) string {
		r, power := o.regions(o.LabelOptions, *o.Batch), func(text string) string {
			return losses.Operand(parts.TorchAtLeast(text, o.Floor)) + " ** " + losses.Python(*o.Gamma)
		}
		dice := parts.TorchRegions(c, r, losses.Reduced(power("(-("+r.TorchRatio("2 * i", "a + b")+").log())"), losses.Mean))
		ce := fmt.Sprintf("(lambda l: (%s).mean())(F.cross_entropy(input, {target}, ignore_index=%[2]d, reduction='none')[{target} != %[2]d])", power("l"), *o.IgnoreIndex)
		return c.Expand(losses.Python(*o.WeightDice)+" * "+dice+" + "+losses.Python(*o.WeightCE)+" * "+ce, nil)
	},
	Body: func(c *losses.Call, o ExponentialLogOptions) losses.Term {
		x, regions := c.In("input"), o.regions(o.LabelOptions, *o.Batch)
		power := func(v losses.Value) losses.Value { return parts.AtLeast(v, o.Floor).Pow(*o.Gamma) }
		dice := parts.Mean(power(diceRatio(regions, parts.Regions(c, regions)).Log().Neg()))
		r := parts.Labeled(c, x, *o.IgnoreIndex)
		ce := r.Flat(x.LogSoftmax(r.Axis).Pick(r.Axis, r.Index()).Neg()) // of infinity the power has an infinite slope
		ce = builder.Where(r.Kept.Value, ce, ce.Like(1))                 // whose power has a gradient
		return losses.Term{Each: dice.Scale(*o.WeightDice).Add(keptMean(r, c, power(ce)).Scale(*o.WeightCE)), Reduced: true}
	},
	Golden: append(compoundCases(), impossible(), losses.Case{Name: "perfect_with_floor", Options: losses.Values{"floor": 1e-6}, Set: compoundCases()[1].Set}),
}
