package cost

// This file was written by bench/kernels.py. Change that one.

// measuredOn says where the figures below come from.
const measuredOn = "ONNX Runtime 1.32.0, 2 threads, AMD EPYC"

// Nanoseconds of an empty run, of each node in it, and of each step of a Scan
// beside the nodes of its body.
const (
	runNs  = 1510
	nodeNs = 152
	stepNs = 222
)

// bandwidth is the bytes that memory moves in a nanosecond, seen at a kernel
// that reads and writes 128 MiB, and cache how many bytes of tensors a run may
// have to be rid of that limit.
const (
	bandwidth = 92
	cache     = 33554432
)

// kernelNs is the time of a kernel in nanoseconds per element of the node's
// largest tensor, in float32 unless the name says another type. "broadcast" is
// with an operand of fewer elements, "span" the time of each run of four
// elements of one value of that operand. Of MatMul it is per multiplication, of
// ScatterElements "updates" per element written and else per element copied.
var kernelNs = map[string]float64{
	"Abs":                     0.0367,
	"Abs/f64":                 0.0664,
	"Add":                     0.0625,
	"Add/broadcast":           0.0436,
	"Add/f64":                 0.0979,
	"Add/i64":                 0.0998,
	"Add/span":                2.87,
	"And/bool":                0.0156,
	"ArgMax":                  0.302,
	"ArgMin":                  0.302,
	"Atan":                    0.722,
	"Cast/bool-f32":           0.0692,
	"Cast/bool-f64":           0.265,
	"Cast/bool-i64":           0.233,
	"Cast/f32-f64":            0.163,
	"Cast/f64-f32":            0.0966,
	"Cast/i64-f32":            0.234,
	"Cast/i64-f64":            0.142,
	"Clip":                    0.0423,
	"Concat":                  0.0436,
	"ConstantOfShape":         0.035,
	"Cos":                     1.16,
	"CumSum":                  2.66,
	"Div":                     0.08,
	"Div/broadcast":           0.0766,
	"Div/i64":                 1.05,
	"Equal":                   0.0536,
	"Equal/bool":              0.0159,
	"Equal/broadcast":         0.0486,
	"Equal/i64":               0.118,
	"Exp":                     0.0467,
	"Exp/f64":                 1.4,
	"Expand":                  0.0646,
	"Gather/elements":         1.4,
	"Gather/rows":             0.0379,
	"GatherElements":          0.212,
	"Greater":                 0.055,
	"Greater/broadcast":       0.0521,
	"Greater/i64":             0.146,
	"HardSigmoid":             0.0473,
	"Identity":                0.0612,
	"IsNaN":                   0.0863,
	"Less":                    0.0543,
	"Less/broadcast":          0.056,
	"Less/i64":                0.143,
	"Log":                     0.664,
	"Log/f64":                 1.8,
	"LogSoftmax/last":         0.0988,
	"MatMul":                  0.00403,
	"Max":                     0.0932,
	"Max/broadcast":           0.0639,
	"Max/f64":                 0.187,
	"Max/i64":                 0.217,
	"Min":                     0.178,
	"Min/broadcast":           0.121,
	"Min/i64":                 0.477,
	"Mul":                     0.0515,
	"Mul/broadcast":           0.0435,
	"Mul/f64":                 0.0994,
	"Mul/i64":                 0.159,
	"Neg":                     0.0409,
	"Neg/f64":                 0.0705,
	"Not":                     0.0197,
	"Or/bool":                 0.0155,
	"Pow":                     1.52,
	"Pow/broadcast":           1.49,
	"Range":                   0.128,
	"Reciprocal":              0.076,
	"ReduceMax/all":           0.0606,
	"ReduceMax/first":         0.234,
	"ReduceMax/last":          0.0284,
	"ReduceMin/all":           0.0602,
	"ReduceMin/first":         0.22,
	"ReduceMin/last":          0.0293,
	"ReduceSum/all":           0.0607,
	"ReduceSum/f64/all":       0.12,
	"ReduceSum/f64/first":     0.103,
	"ReduceSum/f64/last":      0.0581,
	"ReduceSum/first":         0.0589,
	"ReduceSum/last":          0.0277,
	"Relu":                    0.0417,
	"ScatterElements":         0.07,
	"ScatterElements/updates": 1.1,
	"Sigmoid":                 0.112,
	"Sign":                    0.635,
	"Sin":                     1.16,
	"Slice":                   0.0773,
	"Softmax/first":           0.901,
	"Softmax/last":            0.0914,
	"Softplus":                4.59,
	"Sqrt":                    0.132,
	"Sub":                     0.0615,
	"Sub/broadcast":           0.0435,
	"Sub/f64":                 0.0997,
	"Sub/i64":                 0.101,
	"Tanh":                    0.102,
	"ThresholdedRelu":         0.0426,
	"Transpose":               0.0513,
	"Where":                   6.85,
	"Where/broadcast":         3.42,
	"Where/f64":               7.08,
	"Where/f64/broadcast":     3.83,
	"Where/i64":               7,
	"Where/i64/broadcast":     3.89,
	"Where/span":              35,
}
