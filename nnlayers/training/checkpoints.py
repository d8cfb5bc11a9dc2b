"""Files of parameters: ``.npz`` without pickle, replaced whole or not at all.

A file is a zip archive of ``.npy`` arrays that any NumPy can read: ``params/0.w``, ``state/1.mean``
and so on, and ``meta``, a JSON text with what is not an array.  Nothing in it is ever executed.
"""

import errno
import io
import json
import os

import numpy as np

from nnlayers.layers.checks import complaint
from nnlayers.layers.layer import Layer

VERSION = 1


def save(path, net):
    """Write the parameters and the state of a net to a file.

    The file is written under another name in the same folder and renamed when it is complete:
    whatever happens, there is a whole file at path, the old one or the new one.

    Parameters
    ----------
    path : str or path
        File name, used as it is; ``.npz`` is the usual ending.
    net : Layer
        Layer or net.

    Raises
    ------
    OSError
        If the file cannot be written; an old one is unchanged then.
    TypeError
        If path is no path or net no layer.

    Examples
    --------
    >>> import os, tempfile
    >>> from nnlayers import Affine
    >>> net, other = Affine(3, 2, rng=0), Affine(3, 2, rng=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "net.npz")
    ...     save(path, net)
    ...     _ = load(path, other)
    >>> np.array_equal(net.params["w"], other.params["w"])
    True
    """
    _check_net("save", net)
    write("save", path, arrays_of(net), {"kind": "net"})


def load(path, net):
    """Read parameters and state from a file into a net that is built like the saved one.

    Parameters
    ----------
    path : str or path
        A file of :func:`save`, or of a solver.
    net : Layer
        Whose arrays are overwritten.

    Returns
    -------
    Layer
        The net.

    Raises
    ------
    ValueError
        If the file is damaged, foreign, or does not fit the net; all that is missing, unexpected,
        misshapen or of another dtype is listed.  Nothing has changed then.
    OSError
        If the file cannot be read.
    TypeError
        If path is no path or net no layer.
    """
    _check_net("load", net)
    arrays, _ = read("load", path)
    require_fit("load", path, net, arrays)
    put(net, arrays)
    return net


def arrays_of(net):
    """Return the net's own arrays under the names that they have in files."""
    arrays = {f"params/{key}": array for key, array in net.params.items()}
    return arrays | {
        f"state/{key}": layer.state[name]
        for layer, names in _states(net)
        for name, key in names.items()
    }


def copies_of(net):
    """Return copies of the net's arrays under the names that they have in files."""
    return {name: array.copy() for name, array in arrays_of(net).items()}


def put(net, arrays):
    """Write arrays that are known to fit into a net: parameters in place, state replaced."""
    for key, array in net.params.items():
        array[...] = arrays[f"params/{key}"]
    for layer, names in _states(net):
        layer.state = {name: arrays[f"state/{key}"].copy() for name, key in names.items()}


def require_fit(op, path, net, arrays):
    """Raise unless the arrays are those of a net like this one, listing all differences."""
    mine = arrays_of(net)
    theirs = {
        name: array for name, array in arrays.items() if name.startswith(("params/", "state/"))
    }
    problems = differences(mine, theirs)
    if problems:
        raise complaint(
            ValueError,
            op,
            f"{os.fspath(path)!r} does not fit the net: {'; '.join(problems)}",
            "build the net as it was built then; nothing was loaded",
        )


def differences(mine, theirs):
    """Return in words how two dicts of arrays differ in names, shapes and dtypes."""
    problems = []
    missing = [name for name in mine if name not in theirs]
    unexpected = [name for name in theirs if name not in mine]
    if missing:
        problems.append(f"missing {', '.join(missing)}")
    if unexpected:
        problems.append(f"unexpected {', '.join(unexpected)}")
    for name, array in mine.items():
        if name in theirs:
            was = theirs[name]
            if was.shape != array.shape:
                problems.append(f"{name} was {was.shape} but is {array.shape}")
            elif was.dtype != array.dtype:
                problems.append(f"{name} was {was.dtype} but is {array.dtype}")
    return problems


def write(op, path, arrays, meta):
    """Write arrays and a JSON-like dict to path: completely, or not at all."""
    import zipfile

    path = os.path.realpath(_path(op, path))  # a link stays a link
    text = json.dumps({"format": "nnlayers", "version": VERSION} | meta, default=np.ndarray.tolist)
    entries = arrays | {"meta": np.frombuffer(text.encode(), np.uint8)}
    temporary = os.path.join(os.path.dirname(path), f".nnlayers-{os.urandom(6).hex()}.tmp")
    try:
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        if os.path.exists(path) and not os.path.isfile(path):  # /dev/null must survive
            raise OSError(errno.EINVAL, "it is no regular file")
        try:
            with open(temporary, "xb") as file:
                with zipfile.ZipFile(file, "w") as archive:
                    for name, array in entries.items():
                        with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                            np.lib.format.write_array(stream, array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:  # an interrupt too leaves nothing behind
            if os.path.exists(temporary):
                os.remove(temporary)
            raise
    except OSError as error:
        raise _failure(op, "write", path, error) from None


def read(op, path):
    """Return the arrays and the dict that :func:`write` wrote."""
    path = _path(op, path)
    try:
        with open(path, "rb") as file:
            arrays = _unzip(op, path, file)
    except OSError as error:
        raise _failure(op, "read", path, error) from None
    try:
        meta = json.loads(arrays.pop("meta").tobytes())
        if meta["format"] != "nnlayers":
            raise ValueError
        newer = meta["version"] > VERSION
    except (KeyError, TypeError, ValueError):
        raise complaint(
            ValueError,
            op,
            f"{path!r} was not written by nnlayers: it has no record named meta",
            "np.load reads it",
        ) from None
    if newer:
        raise complaint(
            ValueError,
            op,
            f"{path!r} has format {meta['version']}, but this nnlayers reads up to {VERSION}",
            "a newer nnlayers is needed",
        )
    return arrays, meta


def _unzip(op, path, file):
    """Return the arrays of an open ``.npz`` file."""
    import zipfile
    import zlib

    arrays = {}
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.namelist():
                stream = io.BytesIO(archive.read(member))  # all of it: its checksum is compared
                array = np.lib.format.read_array(stream, allow_pickle=False)
                arrays[member.removesuffix(".npy")] = array
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError, EOFError, RuntimeError) as error:
        raise complaint(
            ValueError,
            op,
            f"{path!r} is no whole .npz file ({' '.join(str(error).split())})",
            "it is damaged, or something else",
        ) from None
    return arrays


def _states(net):
    """Yield each layer that has state, and the keys of its names."""
    for place, layer in net.leaves():
        if layer.state:
            yield layer, {name: f"{place}.{name}" if place else name for name in layer.state}


def _check_net(op, net):
    if not isinstance(net, Layer):
        raise complaint(
            TypeError,
            op,
            f"net must be a layer or net, not {type(net).__name__}",
            f"call {op}(path, net)",
        )


def _path(op, path):
    try:
        return os.fsdecode(path)
    except TypeError:
        raise complaint(
            TypeError,
            op,
            f"path must be a str or path, not {type(path).__name__}",
            f"call {op}(path{'' if '.' in op else ', net'})",
        ) from None


def _failure(op, verb, path, error):
    """Return the error of a file that the system does not let us read or write, in one line."""
    missing = verb == "write" and isinstance(error, FileNotFoundError)
    fix = "make its folder first" if missing else None
    failure = complaint(type(error), op, f"cannot {verb} {path!r}: {error.strerror}", fix)
    failure.errno = error.errno
    return failure
