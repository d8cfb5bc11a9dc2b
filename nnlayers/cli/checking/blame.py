"""Where in a student's file something happened, in one line."""

import linecache
import os
import re

FRAME = re.compile(r'^ +File "(?P<file>.*)", line (?P<line>\d+) in (?P<name>.*)$', re.M)
WIDTH = 200  # a longer message is cut


def blame(error, path):
    """Return an exception with the last line of the student's own code that it went through.

    Parameters
    ----------
    error : BaseException
        With its traceback.
    path : str
        The student's file; other files of its folder count if it has no line in it.
    """
    kind, text = type(error).__name__.lstrip("_"), one_line(str(error))
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        place = _place(error.filename, error.lineno, "", path, error.text or "")
        text = one_line(error.msg)
    else:
        frames, tb = [], error.__traceback__
        while tb is not None:
            code = tb.tb_frame.f_code
            frames.append((code.co_filename, tb.tb_lineno, code.co_name))
            tb = tb.tb_next
        place = _last_place(frames, path)
    return cut(f"{kind}{place}: {text}" if text else f"{kind}{place}")


def place_in_trace(trace, path):
    """Return where a traceback that faulthandler wrote, latest call first, was in the file."""
    frames = [(m["file"], int(m["line"]), m["name"]) for m in FRAME.finditer(trace)]
    return _last_place(frames[::-1], path)


def one_line(text):
    """Return a text in one line."""
    return " ".join(text.split())


def cut(text):
    """Return a text that is not too long for a line."""
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 4].rstrip()} ..."


def _last_place(frames, path):
    """Return the place of the last frame in the student's file, else in its folder, or ''."""
    own = os.path.abspath(path)
    folder = os.path.join(os.path.dirname(own), "")
    for belongs in (own.__eq__, lambda file: file.startswith(folder)):
        for file, line, name in reversed(frames):
            if belongs(os.path.abspath(file)) and "site-packages" not in file:
                return _place(file, line, name, path)
    return ""


def _place(file, line, name, path, text=""):
    """Return ``in line 9 of relu_forward, `return x` ``, with a space before it."""
    words = f" in line {line}"
    if os.path.abspath(file) != os.path.abspath(path):
        words += f" of {os.path.basename(file)}"
    if name and name != "<module>":
        words += f" of {name}"
    text = one_line(text or linecache.getline(file, line))
    if len(text) > 60:
        text = f"{text[:56]} ..."
    return f"{words}, `{text}`" if text else words
