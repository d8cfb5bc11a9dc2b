"""``nnlayers check``: the gradients of every layer in a student's file, or in two hundred."""

import argparse
import os

from nnlayers.cli.failure import Failure
from nnlayers.cli.options import whole_number

NAME = "check"
SUMMARY = "check the backward passes in files of exercises, and say what is wrong with them"
DESCRIPTION = """\
Check every pair <op>_forward / <op>_backward, every <op>_loss that returns
(loss, gradient), and every class with forward(x) -> (out, cache) and
backward(dout, cache) that the files define. Each one runs in a process of its
own, with a time limit.

What they are called with: operations of a usual name (affine, relu, batchnorm,
conv, max_pool, lstm_step, softmax_loss, ...) are known, with the dictionaries
of cs231n and I2DL (bn_param, conv_param, ...). For others say --input, or
define in the file

  def example_inputs(op, rng):       # op is "scale", of scale_forward
      if op == "scale":
          return rng.normal(size=(4, 3)), rng.normal(size=3)

and return what forward is called with: a tuple, or a dict by name."""

INPUT = """\
an argument of forward, for the functions that have one of this name, or with
OP.NAME for one only; VALUE is a shape (4,3 or scalar: normal numbers), or
positive:4,3 unit:4,3 (between 0 and 1), spread:4,3 (-7 to 7), mask:4,3,
labels:10:4 (4 integers below 10), onehot:4,3 or value:0.5 (any literal);
with @ before it no gradient is expected. May be given many times"""

RIGHT, HALF = "right", "incomplete"


def add_options(parser):
    """Declare the options."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="a file of Python")
    parser.add_argument(
        "--input", metavar="NAME=VALUE", action="append", default=[], type=_input, help=INPUT
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        default=30.0,
        help="that each layer has, and each file to be imported (default: 30)",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=whole_number(0),
        default=0,
        help="seed of all random numbers; the same one gives the same results (default: 0)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON document: help(nnlayers.cli.check.document) describes it",
    )


def run(options):
    """Check all files; return 0 if everything in them is right, else 1."""
    for path in options.files:
        if not os.path.isfile(path):
            why = "it is a folder" if os.path.isdir(path) else "there is no such file"
            raise Failure(f"cannot check {path!r}: {why}")
    results = []
    for result in check_files(options.files, options.input, options.seed, options.timeout):
        results.append(result)
        if not options.json:
            print(file_text(result), end="\n" if len(options.files) == 1 else "\n\n")
    if options.json:
        import json

        print(json.dumps(document(results, options.seed, options.timeout), indent=1))
    elif len(results) > 1:
        print(summary(results))
    return 0 if all(result["status"] == RIGHT for result in results) else 1


def check_files(paths, inputs, seed, timeout):
    """Yield the result on each file, a dict as in :func:`document`, in the order of the files."""
    from nnlayers.cli.checking.processes import Processes

    results = [{"file": path, "checks": None} for path in paths]
    ready = 0
    with Processes(seed, timeout) as processes:
        for index, path in enumerate(paths):
            processes.add((index, None), path)
        for (index, place), answer in processes.results():
            result = results[index]
            if place is not None:
                result["checks"][place].update(answer)
            elif "operations" not in answer:
                result |= {"message": _message_on_file(answer), "checks": []}
                result["status"] = answer["status"]
            else:
                result["message"] = None
                result["checks"] = [_begun(operation) for operation in answer["operations"]]
                for place, check in reversed(list(enumerate(result["checks"]))):
                    if check["status"] is None:
                        given = _given(inputs, check["name"])
                        operation = answer["operations"][place]
                        processes.add((index, place), paths[index], operation, *given)
            while ready < len(results) and _is_done(results[ready]):
                yield _finished(results[ready])
                ready += 1


def document(results, seed, timeout):
    """Return what ``--json`` prints.

    Parameters
    ----------
    results : list of dict
        One for each file, from :func:`check_files`.
    seed : int
        Of all random numbers.
    timeout : float
        Seconds that each check had.

    Returns
    -------
    dict
        With ``format`` (1; it changes if a meaning does), ``nnlayers`` (the version), ``seed``,
        ``timeout``, ``ok`` (whether everything is right) and ``files``: a list, in the order in
        which they were given, of dicts with

        - ``file``: the path as it was given;
        - ``status``: "right" if there is something to check and all of it is right; "wrong";
          "empty" if there is nothing; "import_error", "timeout" or "died" if it did not load;
        - ``message``: a line on the file as a whole, or None;
        - ``checks``: a list, in the order of the source, of dicts with

          - ``name``: "relu"; ``kind``: "pair", "loss" or "class"; ``line`` of the definition;
          - ``forward``, ``backward``: the names of the functions, None if there is none;
          - ``status``: "right", "wrong", "undecided", "raised", "bad_output" (no out and cache),
            "timeout", "died", "no_inputs" or "incomplete" (forward or backward is missing);
          - ``message``: what is wrong in one line; None if it is right;
          - ``inputs``: where they come from: "known", "guessed", "example_inputs", "--input" or
            None;
          - ``printed``: None, or a dict of the number of ``lines`` and the ``first`` one;
          - ``report``: ``report.to_dict()`` of :func:`nnlayers.check_gradients`, or None;
          - ``text``: the report as it is printed.
    """
    from nnlayers import __version__

    return {
        "format": 1,
        "nnlayers": __version__,
        "seed": seed,
        "timeout": timeout,
        "ok": all(result["status"] == RIGHT for result in results),
        "files": results,
    }


def file_text(result):
    """Return the reports on one file."""
    texts = [check["text"] for check in result["checks"]]
    return "\n\n".join([f"== {result['file']}: {_score(result)}", *texts])


def summary(results):
    """Return a line for each file, and one for all of them."""
    width = max(len(result["file"]) for result in results)
    lines = ["== summary"]
    for result in results:
        faults = [_fault(check) for check in result["checks"] if check["status"] != RIGHT]
        words = "; ".join(faults)
        lines.append(f"{result['file']:{width}}  {_score(result)}{words and ': '}{words}")
    right = sum(result["status"] == RIGHT for result in results)
    return "\n".join([*lines, f"{right} of {len(results)} files are right"])


def _score(result):
    """Return how a file as a whole came out, in a few words."""
    checks = result["checks"]
    if not checks:
        return result["message"]
    return f"{sum(check['status'] == RIGHT for check in checks)} of {len(checks)} right"


def _fault(check):
    """Return a check that is not right in a few words: ``relu dx kink_value``."""
    report = check["report"]
    if report is None or not report["diagnoses"]:
        return f"{check['name']} {check['status']}"
    return " ".join([check["name"], *report["wrong"], report["diagnoses"][0]["cause"]])


def _begun(operation):
    """Return the check of an operation before it has run; a half of a pair is judged at once."""
    name, kind, line, forward, backward = operation
    check = {"name": name, "kind": kind, "line": line, "forward": forward, "backward": backward}
    check |= dict.fromkeys(("status", "message", "inputs", "printed", "report", "text"))
    if forward is None or backward is None:
        there, missing = (forward, "backward") if forward else (backward, "forward")
        check["status"] = HALF
        check["message"] = f"{there} has no {missing}: {name}_{missing} is not defined"
    return check


def _finished(result):
    """Return the result on a file, complete."""
    checks = result["checks"]
    for check in checks:
        if check["text"] is None:  # its process did not come so far
            word = check["status"].replace("_", " ").upper()
            check["text"] = f"gradients of {_title(check)}: {word}\n  {check['message']}"
        if check["printed"]:
            lines, first = check["printed"]["lines"], check["printed"]["first"]
            plural = "line" if lines == 1 else "lines"
            check["text"] += f"\n  it printed {lines} {plural} meanwhile, first `{first}`"
    if checks:
        right = all(check["status"] == RIGHT for check in checks)
        result["status"] = RIGHT if right else "wrong"
    elif "status" not in result:
        result["status"] = "empty"
        nothing = "there is nothing to check: no <op>_forward, <op>_backward, or class with both"
        result["message"] = nothing
    return {key: result[key] for key in ("file", "status", "message", "checks")}


def _is_done(result):
    checks = result["checks"]
    return checks is not None and all(check["status"] for check in checks)


def _title(check):
    names = [name for name in (check["forward"], check["backward"]) if name]
    return " / ".join(dict.fromkeys(names))


def _message_on_file(answer):
    if answer["status"] == "import_error":
        return answer["message"]
    return f"while it was imported, it {answer['message']}"


def _given(inputs, operation):
    """Return the arguments for one operation, and whether some are for it alone."""
    general = {name: value for op, name, value in inputs if not op}
    own = {name: value for op, name, value in inputs if op == operation}
    return general | own, bool(own)


def _input(text):
    from nnlayers.cli.checking.inputs import parse_option

    try:
        return parse_option(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, not {text!r}")
    return seconds
