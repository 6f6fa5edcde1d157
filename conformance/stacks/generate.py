"""What the generators of the stacks' test programs share."""

import json


def literal(path):
    """A path as a string of Go, C++, Rust or Java."""
    return json.dumps(str(path))


def write(path, text):
    """Writes a file, unless it has this text already: its age decides what is built again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
