"""Writes the test models beside itself. Needs the package onnx."""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto as T, helper as h

HERE = pathlib.Path(__file__).parent


def save(name, inputs, outputs, nodes, constants=()):
    graph = h.make_graph(
        nodes, name,
        [h.make_tensor_value_info(*i) for i in inputs],
        [h.make_tensor_value_info(*o) for o in outputs],
        [onnx.numpy_helper.from_array(v, k) for k, v in constants])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8, producer_name="")
    onnx.checker.check_model(model, full_check=True)
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString())


F32, F64, F16, BF16, I64, I32 = T.FLOAT, T.DOUBLE, T.FLOAT16, T.BFLOAT16, T.INT64, T.INT32
node = h.make_node

save("add", [("input", F32, ["N"]), ("other", F32, ["N"])], [("sum", F32, ["N"])],
     [node("Add", ["input", "other"], ["sum"])])

# Half the sum of squares with its gradient, scaled by an upstream scalar.
for name, dtype in [("f32", F32), ("f64", F64), ("f16", F16), ("bf16", BF16)]:
    wide = F64 if dtype == F64 else F32
    save("square_" + name,
         [("input", dtype, ["N", "D"]), ("grad_output", dtype, [])],
         [("loss", dtype, []), ("grad_input", dtype, ["N", "D"])],
         [node("Cast", ["input"], ["x"], to=wide),
          node("Cast", ["grad_output"], ["g"], to=wide),
          node("Mul", ["x", "x"], ["xx"]),
          node("ReduceSum", ["xx"], ["sum"], keepdims=0),
          node("Mul", ["sum", "half"], ["l"]),
          node("Mul", ["x", "g"], ["gx"]),
          node("Cast", ["l"], ["loss"], to=dtype),
          node("Cast", ["gx"], ["grad_input"], to=dtype)],
         [("half", np.array(0.5, np.float64 if wide == F64 else np.float32))])

# Every type at rank 0, in and out.
for name, dtype in [("f32", F32), ("f64", F64), ("i64", I64), ("i32", I32), ("f16", F16), ("bf16", BF16)]:
    save("negate_" + name, [("input", dtype, [])], [("output", dtype, [])],
         [node("Neg", ["input"], ["output"])] if dtype != BF16 else
         [node("Cast", ["input"], ["x"], to=F32), node("Neg", ["x"], ["y"]), node("Cast", ["y"], ["output"], to=BF16)])

save("flag", [("input", T.BOOL, []), ("mask", T.BOOL, ["N"])], [("output", T.BOOL, []), ("inverse", T.BOOL, ["N"])],
     [node("Not", ["input"], ["output"]), node("Not", ["mask"], ["inverse"])])

# A label outside the classes fails the run.
save("gather", [("input", F32, ["N", "C"]), ("target", I64, ["N"])], [("picked", F32, ["N", 1])],
     [node("Unsqueeze", ["target", "one"], ["column"]),
      node("GatherElements", ["input", "column"], ["picked"], axis=1)],
     [("one", np.array([1], np.int64))])

# A target of other sizes than the input fails the run.
save("guard", [("input", F32, ["N", "D"]), ("target", F32, ["N", "D"])], [("difference", F32, ["N", "D"])],
     [node("Shape", ["input"], ["si"]), node("Shape", ["target"], ["st"]),
      node("Equal", ["si", "st"], ["same"]), node("Where", ["same", "si", "never"], ["shape"]),
      node("Reshape", ["target", "shape"], ["guarded"], allowzero=1),
      node("Sub", ["input", "guarded"], ["difference"])],
     [("never", np.array([-2], np.int64))])

# The letter M of the output is in no input.
for name, dtype in [("f32", F32), ("f16", F16)]:
    save("free_" + name, [("input", dtype, ["N"])], [("positive", I64, ["M"]), ("values", dtype, ["M"])],
         [node("Greater", ["input", "zero"], ["mask"]),
          node("NonZero", ["mask"], ["at"]), node("Squeeze", ["at", "first"], ["positive"]),
          node("Gather", ["input", "positive"], ["values"])],
         [("zero", np.array(0, np.float16 if dtype == F16 else np.float32)), ("first", np.array([0], np.int64))])

# Many matrix products, to be canceled.
save("slow", [("input", F32, ["N", "N"])], [("output", F32, ["N", "N"])],
     [node("MatMul", [f"x{i}" if i else "input", "input"], [f"x{i + 1}" if i < 199 else "output"])
      for i in range(200)])

# An operator that nobody has.
graph = h.make_graph([node("NoSuchOperator", ["input"], ["output"])], "unknown",
                     [h.make_tensor_value_info("input", F32, ["N"])], [h.make_tensor_value_info("output", F32, ["N"])])
model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8, producer_name="")
(HERE / "unknown.onnx").write_bytes(model.SerializeToString())
