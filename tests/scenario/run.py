#!/usr/bin/env python3
"""Behaviours of the whole program, one file each. See README.md.

  ./run.py                  everything
  ./run.py drain start.bad_configuration_is_refused
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import checks  # noqa: E402

if __name__ == "__main__":
    checks.run(HERE, sys.argv[1:])
