import sys

import numpy as np
from digits_train import Trainer

steps, batch = map(int, sys.argv[1:])
x = np.fromfile("x.bin", np.float32).reshape(steps, batch, 64)
y = np.fromfile("y.bin", np.int64).reshape(steps, batch)
trainer = Trainer(threads=1)
with open("losses.txt", "w") as out:
    for i in range(steps):
        print(repr(trainer.step({"x": x[i], "target": y[i]})), file=out)
trainer.parameters.save("trained.safetensors")
before = trainer.evaluate({"x": x[0], "target": y[0]})
rate = trainer.parameters.get("lr")
trainer.parameters.set("lr", np.float32(0))
trainer.step({"x": x[0], "target": y[0]})  # which leaves all values as they are
assert trainer.evaluate({"x": x[0], "target": y[0]}) == before
trainer.parameters.load("trained.safetensors")
assert trainer.evaluate({"x": x[0], "target": y[0]}) == before and trainer.parameters.get("lr") == rate
with open("evaluated.txt", "w") as out:
    print(repr(before), file=out)
for wrong in ({"x": x[0]}, {"x": x[0], "target": y[0].astype(np.int32)}):
    try:
        trainer.step(wrong)
    except ValueError as error:
        assert "digits_train.onnx" in str(error)
    else:
        sys.exit("a wrong batch is taken")
