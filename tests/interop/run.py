#!/usr/bin/python3
"""Real clients and servers with outrigger between them. See README.md.

  ./run.py                 everything
  ./run.py dubbo curl      some groups (the files of groups/), or GROUP.CHECK
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import checks  # noqa: E402

if __name__ == "__main__":
    checks.run(HERE / "groups", sys.argv[1:])
