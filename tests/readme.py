"""The README as a program: its Python blocks, run in order, and what each of them prints.

``python tests/readme.py`` writes the outputs in the README anew.
"""

import contextlib
import io
import os
import re
import tempfile
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
# a block of Python, and the block of text after it, if there is one: what the Python prints
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)


def run(text):
    """Yield ``(match, output)`` for each block of Python, run in one namespace.

    Each block is a file of its own, so that its source can be read while it runs.
    """
    namespace = {"__name__": "readme"}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for i, match in enumerate(BLOCK.finditer(text)):
            path = os.path.join(folder, f"block{i}.py")
            Path(path).write_text(match[1], encoding="utf-8")
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(match[1], path, "exec"), namespace)
            yield match, printed.getvalue()


def with_outputs(text):
    """Return the text with the outputs that its blocks have now."""
    parts, end = [], 0
    for match, output in run(text):
        parts.append(text[end : match.start()])
        parts.append(f"```python\n{match[1]}```\n")
        if output:
            parts.append(f"\n```text\n{output}```\n")
        end = match.end()
    return "".join((*parts, text[end:]))


if __name__ == "__main__":
    README.write_text(with_outputs(README.read_text(encoding="utf-8")), encoding="utf-8")
