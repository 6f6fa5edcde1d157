"""Write the .onnx files of this folder with the onnx package (1.23).

    python3 make.py

The tests of package export compare them with hand-written models, so nothing
that Go code wrote is its own witness. Files named own_* are written as lossgen
writes them, bit by bit; the others are as other programs might write them.
"""

import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
IR = {13: 7, 17: 8, 28: 14}
F, I64, B = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def save(name, nodes, inputs, outputs, initializers=(), opset=17, valid=True, change=None, **more):
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializers), doc_string=more.pop("doc", None))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(more.pop("domain", ""), opset)],
                              ir_version=IR[opset], producer_name="lossgen", producer_version="1.0")
    if more:
        helper.set_model_props(model, {k.replace("_", ".", 1): v for k, v in more.items()})
    if change:
        change(model)
    if valid:
        onnx.checker.check_model(model, full_check=True)
    with open(os.path.join(HERE, name + ".onnx"), "wb") as f:
        f.write(model.SerializeToString(deterministic=True))


def node(op, inputs, outputs, **attributes):
    """Inputs and outputs are separated by single spaces; two in a row leave one out."""
    return helper.make_node(op, inputs.split(" ") if inputs else [], outputs.split(" "), **attributes)


def port(name, dtype, shape):
    return helper.make_tensor_value_info(name, dtype, shape)


def array(name, values, dtype):
    return numpy_helper.from_array(np.array(values, dtype), name)


def own_opset(opset):
    """A row-wise log-loss that meets attributes which came in 14, 15, 18, 19 and 24."""
    cast = dict(to=F)
    if opset >= 19:
        cast["saturate"] = 1
    if opset >= 24:
        cast["round_mode"] = "up"
    reshape = dict(allowzero=0) if opset >= 14 else {}
    shape = dict(start=0) if opset >= 15 else {}
    mean = dict(axes=[0], keepdims=0)
    mean_in = "picked"
    inits = [array("axes", [1], "int64")]
    if opset >= 18:
        mean = dict(keepdims=0, noop_with_empty_axes=0)
        mean_in = "picked zero"
        inits.append(array("zero", [0], "int64"))
    save("own_opset%d" % opset, [
        node("Shape", "input", "size", **shape),
        node("Reshape", "input size", "x", **reshape),
        node("Softmax", "x", "p", axis=-1),
        node("Cast", "target", "t", **cast),
        node("Mul", "p t", "pt"),
        node("ReduceSum", "pt axes", "picked", keepdims=0, noop_with_empty_axes=0),
        node("ReduceMean", mean_in, "loss", **mean),
    ], [port("input", F, ["N", "C"]), port("target", I64, ["N", "C"])], [port("loss", F, [])], inits, opset=opset,
        doc="mean(softmax(input) * target)", lossgen_loss="demo", lossgen_options='{"reduction":"mean"}')


def own_values():
    """Constants of every dtype and shape, and attributes of every kind."""
    half = numpy_helper.from_array(np.array([1.5, -2], "float16"), "half")
    brain = helper.make_tensor("brain", TensorProto.BFLOAT16, [2], b"\xc0\x3f\x00\xc0", raw=True)
    save("own_values", [
        node("Where", "mask f32 input", "w"),
        node("Constant", "", "three", value=array(None, 3, "float32")),
        node("HardSigmoid", "w", "hs", alpha=0.25, beta=0.5),
        node("Mul", "hs three", "loss"),
        node("Cast", "f64", "f64c", to=F),
        node("Cast", "i32", "i32c", to=F),
        node("Cast", "half", "halfc", to=F),
        node("Cast", "brain", "brainc", to=F),
        node("Max", "f64c i32c halfc brainc", "other"),
        node("Constant", "", "ints", value_ints=[1, -1]),
        node("Constant", "", "floats", value_floats=[0.5]),
        node("ScatterElements", "floats none empty", "scattered", axis=0, reduction="none"),
        node("Transpose", "pair", "turned", perm=[1, 0]),
        node("Clip", "turned  limit", "clipped"),
    ], [port("input", F, [2, 0]), port("pair", F, ["N", 1])],
        [port(*p) for p in [("loss", F, [2, 0]), ("other", F, [2]), ("ints", I64, [2]), ("scattered", F, [1]),
                            ("clipped", F, [1, "N"])]],
        [
            helper.make_tensor("mask", B, [2, 1], [True, False]), array("f32", [[1], [-0.0]], "float32"),
            array("f64", [0.1, 2], "float64"), array("i32", [-1, 7], "int32"), half, brain,
            array("none", [], "int64"), array("empty", [], "float32"), array("limit", 9, "float32")])


def own_scan():
    """A running sum whose body also reads a name from outside."""
    body = helper.make_graph(
        [node("Mul", "row scale", "scaled"), node("Add", "state scaled", "next"), node("Identity", "next", "step")],
        "body", [port("state", F, ["C"]), port("row", F, ["C"])], [port("next", F, ["C"]), port("step", F, ["C"])])
    save("own_scan", [node("Scan", "start input", "loss steps", body=body, num_scan_inputs=1)],
         [port("start", F, ["C"]), port("input", F, ["T", "C"])],
         [port("loss", F, ["C"]), port("steps", F, ["T", "C"])], [array("scale", 2, "float32")])


def foreign_data():
    """Elements in the typed lists instead of raw_data."""
    def typed(name, dtype, values):
        return helper.make_tensor(name, dtype, [len(values)], values)
    inits = [typed("a", F, [1.5, -2]), typed("b", TensorProto.DOUBLE, [0.1, 2]), typed("c", TensorProto.INT32, [-1, 7]),
             typed("d", I64, [-1, 2**40]), typed("e", TensorProto.FLOAT16, [1.5, -2]),
             typed("f", TensorProto.BFLOAT16, [1.5, -2]), typed("g", F, []),
             helper.make_tensor("h", B, [3], b"\x00\x01\x07", raw=True)]
    save("foreign_data", [node("Identity", "x", "y")], [port("x", F, [])], [port("y", F, [])], inits)


def foreign_ports():
    """Dims and shapes left open, names of nodes, hints about values, the alias of the domain."""
    def change(m):
        m.graph.node[0].name = "first"
        m.graph.node[0].domain = "ai.onnx"
        m.graph.node[0].doc_string = "copies"
        m.graph.value_info.append(port("y", F, ["N"]))
        m.graph.input[0].type.denotation = "IMAGE"
        m.opset_import.insert(0, helper.make_opsetid("com.example", 3))
        m.model_version = 9
        m.doc_string = "doc"
    ports = [port("x", F, ["N", None, -1, 0, None]), port("z", I64, None)]
    save("foreign_ports", [node("Identity", "x", "y")], ports, [port("y", F, None)],
         domain="ai.onnx", valid=False, change=change)


def refused():
    """One thing each that a model of lossgen cannot hold."""
    x, y = port("x", F, ["N"]), port("y", F, ["N"])
    copy = [node("Identity", "x", "y")]

    def external(m):
        t = m.graph.initializer[0]
        t.ClearField("raw_data")
        t.data_location = TensorProto.EXTERNAL
        t.external_data.add(key="location", value="w.bin")
    save("refused_external", copy, [x], [y], [array("w", [1], "float32")], valid=False, change=external)
    save("refused_uint8", copy, [x], [y], [array("w", [1], "uint8")])
    save("refused_string", copy, [x, port("s", TensorProto.STRING, ["N"])], [y])
    sequence = helper.make_value_info("s", helper.make_sequence_type_proto(helper.make_tensor_type_proto(F, ["N"])))
    save("refused_sequence", copy, [x, sequence], [y])
    sparse = helper.make_sparse_tensor(array("w", [1.0], "float32"), array("w_i", [2], "int64"), [3])
    save("refused_sparse", copy, [x], [y], change=lambda m: m.graph.sparse_initializer.append(sparse))
    custom = [helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")]
    save("refused_domain", custom, [x], [y], valid=False)
    strings = [node("Constant", "", "y", value_strings=["a", "b"])]
    save("refused_attribute", strings, [x], [port("y", TensorProto.FLOAT, [2])], valid=False)
    save("refused_size", copy, [x], [y], [array("w", [1, 2], "float32")], valid=False,
         change=lambda m: m.graph.initializer[0].dims.append(3))


def functions():
    """Functions that call functions, with attributes, defaults, bodies and inputs left out."""
    ids = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    scaled = helper.make_node("Constant", [], ["c"])
    scaled.attribute.add(name="value_float", type=onnx.AttributeProto.FLOAT, ref_attr_name="by")
    scale = helper.make_function("own", "Scale", ["x", "bias"], ["y"], [scaled, node("Mul", "x c", "t"), node("Identity", "t", "y")], ids,
                                 attribute_protos=[helper.make_attribute("by", 2.0)])
    branches = {name: helper.make_graph([node(op, "t", "b")], name, [], [port("b", F, None)])
                for name, op in (("then_branch", "Neg"), ("else_branch", "Abs"))}
    choose = helper.make_function("own", "Choose", ["c", "x"], ["y", "s"], [
        node("Identity", "x", "s"),
        helper.make_node("Scale", ["x"], ["t"], domain="own", by=3.0), helper.make_node("If", ["c"], ["y"], **branches)], ids)
    calls = [helper.make_node("Choose", ["c", "x"], ["y", "same"], domain="own"), helper.make_node("Choose", ["c", "y"], ["b", "second"], domain="own"),
             helper.make_node("Scale", ["b"], ["z"], domain="own"), node("Add", "z same", "t")]

    def change(m):
        m.functions.extend([scale, choose])
        m.opset_import.append(helper.make_opsetid("own", 1))
    save("functions", calls, [port("x", F, ["N"]), port("c", B, [])], [port("y", F, ["N"]), port("t", F, ["N"])], valid=False, change=change)
    endless = helper.make_function("own", "Scale", ["x"], ["y"], [helper.make_node("Scale", ["x"], ["y"], domain="own")], ids)
    save("refused_recursion", calls[2:3], [port("b", F, ["N"])], [port("z", F, ["N"])], valid=False,
         change=lambda m: m.functions.append(endless))


for version in (13, 17, 28):
    own_opset(version)
own_values()
own_scan()
foreign_data()
foreign_ports()
functions()
refused()
