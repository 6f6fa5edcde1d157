import ai.onnxruntime.*;
import java.nio.*;
import java.nio.file.*;
import java.util.*;

public class Main {
    static ByteBuffer read(String path) throws Exception {
        byte[] data = Files.readAllBytes(Path.of(path));
        return ByteBuffer.allocateDirect(data.length).order(ByteOrder.nativeOrder()).put(data).flip().order(ByteOrder.nativeOrder());
    }

    static void want(boolean ok, String what) {
        if (!ok) {
            throw new AssertionError(what);
        }
    }

    interface Attempt {
        void run() throws Exception;
    }

    static void refused(Attempt attempt) throws Exception {
        try {
            attempt.run();
        } catch (IllegalArgumentException e) {
            return;
        }
        throw new AssertionError("a wrong batch is taken");
    }

    public static void main(String[] arguments) throws Exception {
        int steps = Integer.parseInt(arguments[0]);
        int batch = Integer.parseInt(arguments[1]);
        var environment = OrtEnvironment.getEnvironment();
        var x = read("x.bin").asFloatBuffer();
        var y = read("y.bin").asLongBuffer();
        List<Map<String, OnnxTensor>> batches = new ArrayList<>();
        for (int i = 0; i < steps; i++) {
            batches.add(Map.of(
                    "x", OnnxTensor.createTensor(environment, x.slice(i * batch * 64, batch * 64), new long[] {batch, 64}),
                    "target", OnnxTensor.createTensor(environment, y.slice(i * batch, batch), new long[] {batch})));
        }
        try (var trainer = DigitsTrainer.open(Path.of("."), 1)) {
            var losses = new StringBuilder();
            for (var b : batches) {
                losses.append(trainer.step(b)).append('\n');
            }
            Files.writeString(Path.of("losses.txt"), losses);
            trainer.save(Path.of("trained.safetensors"));
            float before = trainer.evaluate(batches.get(0));
            ByteBuffer rate = trainer.get("lr");
            trainer.set("lr", ByteBuffer.allocate(4));
            trainer.step(batches.get(0)); // which leaves all values as they are
            want(trainer.evaluate(batches.get(0)) == before, "a rate of 0 changes values");
            trainer.load(Path.of("trained.safetensors"));
            want(trainer.evaluate(batches.get(0)) == before && trainer.get("lr").equals(rate), "loading changes values");
            Files.writeString(Path.of("evaluated.txt"), before + "\n");
            refused(() -> trainer.step(Map.of("x", batches.get(0).get("x"))));
            refused(() -> trainer.step(Map.of("x", batches.get(0).get("x"), "target", OnnxTensor.createTensor(environment, IntBuffer.allocate(batch), new long[] {batch}))));
        }
    }
}
