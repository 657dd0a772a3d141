"""The package is typed: mypy --strict finds nothing (pyproject.toml says in which files)."""
import pathlib
import subprocess
import sys

import pytest


def test_types():
    pytest.importorskip("mypy")
    done = subprocess.run([sys.executable, "-m", "mypy", "--no-incremental"],
                          cwd=pathlib.Path(__file__).parents[1], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
