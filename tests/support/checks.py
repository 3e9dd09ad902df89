"""Runs checks: the public functions of a folder's modules. A check returns (perhaps a word about it) or raises."""
import importlib
import sys
import time
import traceback
from pathlib import Path

import open_checks
import places


def find(folder, wanted):
    """(name, function) of the checks, file by file, in the order they stand there."""
    sys.path.insert(0, str(folder.parent))
    for path in sorted(folder.glob("*.py")):
        if path.name == "run.py":
            continue
        group = importlib.import_module(f"{folder.name}.{path.stem}")
        for name, function in list(vars(group).items()):
            public = callable(function) and not name.startswith("_") and not isinstance(function, type)
            if public and getattr(function, "__module__", "") == group.__name__ and (not wanted or path.stem in wanted or f"{path.stem}.{name}" in wanted):
                yield f"{path.stem}.{name}", function


def run(folder, wanted):
    """Runs them one after the other and ends the process with the closing line."""
    tally = open_checks.Tally(folder.parent.name if folder.name == "groups" else folder.name)
    found = list(find(folder, wanted))
    for name in wanted:
        if not any(name in (check, check.partition(".")[0]) for check, _ in found):
            tally.bad(name, "no such check")
    for name, function in found:
        began = time.monotonic()
        try:
            said = function()
        except places.Missing as e:
            tally.bad(name, str(e))
        except Exception as e:
            where = traceback.extract_tb(e.__traceback__)[-1]
            tally.bad(name, f"{type(e).__name__}: {str(e)[-1500:]} ({Path(where.filename).name}:{where.lineno}: {where.line})")
        else:
            tally.good(name, f"{name} ({time.monotonic() - began:.1f} s) {said or ''}")
    return tally.summary()
