"""Java: a Maven project with every adapter. Maven resolves the artifact once; javac builds."""

import pathlib
import subprocess

from generate import literal, write

TOOLS = {"mvn": "apt-get install maven", "javac": "apt-get install default-jdk-headless (11 or later)"}
ARTIFACT = "com.microsoft.onnxruntime:onnxruntime:1.29.0"
BUFFERS = {"float32": "Float", "float64": "Double", "float16": "Short", "bfloat16": "Short",
           "int64": "Long", "int32": "Int", "bool": ""}

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>golden</groupId>
  <artifactId>golden</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>
  </dependencies>
</project>
""" % tuple(ARTIFACT.split(":"))

START = """import java.nio.*;
import java.nio.file.*;

public class Golden {
    static ByteBuffer read(String path) throws Exception {
        return ByteBuffer.wrap(Files.readAllBytes(Path.of(path))).order(ByteOrder.LITTLE_ENDIAN);
    }

    static void write(String path, byte[] data) throws Exception {
        Files.write(Path.of(path), data);
    }

"""
WRITE = """    static void write(String path, {name}Buffer data) throws Exception {{
        ByteBuffer bytes = ByteBuffer.allocate(data.remaining() * {size}).order(ByteOrder.LITTLE_ENDIAN);
        bytes.as{name}Buffer().put(data);
        write(path, bytes.array());
    }}

"""


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def fill(case, longer=""):
    for p in case.inputs:
        kind = BUFFERS[p.dtype]
        value = f"read({literal(case.data / p.name)})" + (f".as{kind}Buffer()" if kind else "")
        if p.name == longer:
            value = f"{kind}Buffer.allocate({p.array.size + 1})"
        yield f"in.{camel(p.name)} = {value}{'' if p.array.ndim else '.get(0)'};"
        if p.array.ndim > 1:
            yield f"in.{camel(p.name)}Shape = new long[] {{{', '.join(map(str, p.array.shape))}}};"


def call(case, number):
    yield f"static void run{number}() throws Exception {{"
    yield f"    try (var loss = {case.type}Loss.open()) {{"
    yield f"        var in = new {case.type}Loss.Inputs();"
    yield from ("        " + line for line in fill(case))
    yield "        var out = loss.run(in);"
    for p in case.outputs:
        value = f"out.{camel(p.name)}"
        if p.array.ndim == 0:
            kind = BUFFERS[p.dtype]
            value = f"{kind}Buffer.wrap(new {kind.lower()}[] {{{value}}})"
        yield f"        write({literal(case.data / (p.name + '.out'))}, {value});"
    yield "    }"
    yield "}"


def main(cases, folder, stranger):
    yield "public static void main(String[] arguments) throws Exception {"
    yield from (f"    run{i}();" for i in range(len(cases)))
    case = next(c for c in cases if c.loss == "focal")
    yield f"    try (var loss = {case.type}Loss.open()) {{"
    yield f"        var in = new {case.type}Loss.Inputs();"
    yield from ("        " + line for line in fill(case, "target"))
    yield "        loss.run(in);"
    yield "    } catch (IllegalArgumentException e) {"
    yield "        try {"
    yield f"            {case.type}Loss.open(Path.of({literal(stranger)})).close();"
    yield "        } catch (IllegalArgumentException f) {"
    yield f"            write({literal(folder / 'refused')}, (e.getMessage() + \"\\n\" + f.getMessage()).getBytes());"
    yield "        }"
    yield "    }"
    yield "}"


def run(cases, folder, cache, environment, stranger):
    text = START
    for name, size in (("Float", 4), ("Double", 8), ("Short", 2), ("Long", 8), ("Int", 4)):
        text += WRITE.format(name=name, size=size)
    for number, case in enumerate(cases):
        text += "".join(f"    {line}\n" for line in call(case, number)) + "\n"
    text += "".join(f"    {line}\n" for line in main(cases, folder, stranger)) + "}\n"
    write(folder / "Golden.java", text)
    path = classpath(cache, environment)
    sources = [str(f) for f in folder.glob("*.java")]
    for command in (["javac", "-Xlint:all", "-Werror", "-cp", path, *sources], ["java", "-cp", f"{folder}:{path}", "Golden"]):
        subprocess.run(command, cwd=folder, env=environment, check=True, stderr=subprocess.PIPE)
    return (folder / "refused").read_text()


def classpath(cache, environment):
    """The jar of ONNX Runtime, which Maven fetches once."""
    found = cache / "classpath"
    if found.exists() and pathlib.Path(found.read_text()).exists():
        return found.read_text()
    write(cache / "pom.xml", POM)
    subprocess.run(["mvn", "--batch-mode", "--quiet", "dependency:build-classpath", f"-Dmdep.outputFile={found}"],
                   cwd=cache, env=environment, check=True, stderr=subprocess.PIPE)
    return found.read_text()


def variables(cache, environment):
    return environment
