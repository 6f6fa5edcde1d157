package cost

// This file was written by bench/kernels.py. Change that one.

// measuredOn says where the figures below come from.
const measuredOn = "ONNX Runtime 1.32.0, 2 threads, AMD EPYC"

// Nanoseconds of an empty run, of each node in it, and of each step of a Scan
// beside the nodes of its body.
const (
	runNs  = 1485
	nodeNs = 147
	stepNs = 211
)

// bandwidth is the bytes that memory moves in a nanosecond, seen at a kernel
// that reads and writes 128 MiB, and cache how many bytes of tensors a run may
// have to be rid of that limit.
const (
	bandwidth = 79
	cache     = 33554432
)

// kernelNs is the time of a kernel in nanoseconds per element of the node's
// largest tensor, in float32 unless the name says another type. "broadcast" is
// with an operand of fewer elements, "span" the time of each run of four
// elements of one value of that operand. Of MatMul it is per multiplication, of
// ScatterElements "updates" per element written and else per element copied.
var kernelNs = map[string]float64{
	"Abs":                     0.0357,
	"Abs/f64":                 0.0801,
	"Add":                     0.0498,
	"Add/broadcast":           0.0447,
	"Add/f64":                 0.0961,
	"Add/i64":                 0.0964,
	"Add/span":                2.86,
	"And/bool":                0.0164,
	"ArgMax":                  0.302,
	"ArgMin":                  0.29,
	"Atan":                    0.691,
	"Cast/bool-f32":           0.0656,
	"Cast/bool-f64":           0.261,
	"Cast/bool-i64":           0.226,
	"Cast/f32-f64":            0.16,
	"Cast/f64-f32":            0.0904,
	"Cast/i64-f32":            0.225,
	"Cast/i64-f64":            0.142,
	"Clip":                    0.0422,
	"Concat":                  0.042,
	"ConstantOfShape":         0.0329,
	"Cos":                     1.12,
	"CumSum":                  2.69,
	"Div":                     0.0797,
	"Div/broadcast":           0.0769,
	"Div/i64":                 1.04,
	"Equal":                   0.0535,
	"Equal/bool":              0.0168,
	"Equal/broadcast":         0.0507,
	"Equal/i64":               0.112,
	"Exp":                     0.0469,
	"Exp/f64":                 1.44,
	"Expand":                  0.0633,
	"Gather/elements":         1.44,
	"Gather/rows":             0.0392,
	"GatherElements":          0.217,
	"Greater":                 0.0571,
	"Greater/broadcast":       0.0526,
	"Greater/i64":             0.135,
	"HardSigmoid":             0.0481,
	"Identity":                0.0604,
	"IsNaN":                   0.0863,
	"Less":                    0.057,
	"Less/broadcast":          0.0565,
	"Less/i64":                0.142,
	"Log":                     0.642,
	"Log/f64":                 1.75,
	"LogSoftmax/last":         0.0992,
	"MatMul":                  0.00404,
	"Max":                     0.0925,
	"Max/broadcast":           0.0636,
	"Max/f64":                 0.182,
	"Max/i64":                 0.213,
	"Min":                     0.175,
	"Min/broadcast":           0.121,
	"Min/i64":                 0.47,
	"Mul":                     0.0631,
	"Mul/broadcast":           0.0434,
	"Mul/f64":                 0.0935,
	"Mul/i64":                 0.154,
	"Neg":                     0.0422,
	"Neg/f64":                 0.0656,
	"Not":                     0.018,
	"Or/bool":                 0.0166,
	"Pow":                     1.54,
	"Pow/broadcast":           2.89,
	"Range":                   0.122,
	"Reciprocal":              0.0743,
	"ReduceMax/all":           0.0583,
	"ReduceMax/first":         0.229,
	"ReduceMax/last":          0.0294,
	"ReduceMin/all":           0.0595,
	"ReduceMin/first":         0.231,
	"ReduceMin/last":          0.0301,
	"ReduceSum/all":           0.0601,
	"ReduceSum/f64/all":       0.121,
	"ReduceSum/f64/first":     0.0982,
	"ReduceSum/f64/last":      0.0577,
	"ReduceSum/first":         0.0599,
	"ReduceSum/last":          0.0279,
	"Relu":                    0.0424,
	"ScatterElements":         0.0683,
	"ScatterElements/updates": 1.18,
	"Sigmoid":                 0.112,
	"Sign":                    0.637,
	"Sin":                     1.15,
	"Slice":                   0.0774,
	"Softmax/first":           0.971,
	"Softmax/last":            0.0908,
	"Softplus":                12.2,
	"Sqrt":                    0.135,
	"Sub":                     0.0629,
	"Sub/broadcast":           0.0439,
	"Sub/f64":                 0.107,
	"Sub/i64":                 0.123,
	"Tanh":                    0.102,
	"Transpose":               0.0825,
	"Where":                   6.8,
	"Where/broadcast":         3.55,
	"Where/f64":               7.03,
	"Where/f64/broadcast":     3.82,
	"Where/i64":               6.97,
	"Where/i64/broadcast":     3.79,
	"Where/span":              33.4,
}
