"""conda_recipe.py SDIST ADDRESS: print the recipe of conda-forge for a release, with pyproject.toml's dependencies.

ADDRESS is where the release's SDIST can be fetched. What an extra brings is not installed, and held
to its bounds where it is there already.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
NAMES = {"ibis-framework[duckdb]": "ibis-duckdb", "matplotlib": "matplotlib-base"}
"""What conda-forge calls a package otherwise: Ibis with its engine is one there, and Matplotlib
comes without Qt."""


def _requirement(line: str) -> str:
    name, bounds = re.fullmatch(r"([\w.-]+(?:\[\w+\])?)(.*)", line).groups()  # type: ignore[union-attr]
    return f"{NAMES.get(name, name.lower())} {bounds}"


def recipe(sdist: Path, address: str) -> dict[str, Any]:
    """Make the recipe in conda-forge's form of version 1."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = pyproject["project"]
    extras = [
        group
        for name, group in project["optional-dependencies"].items()
        if name not in ("all", "test")
    ]
    return {
        "schema_version": 1,
        "context": {
            "version": project["version"],
            "python_min": project["requires-python"].removeprefix(">="),
        },
        "package": {"name": project["name"], "version": "${{ version }}"},
        "source": {"url": address, "sha256": hashlib.sha256(sdist.read_bytes()).hexdigest()},
        "build": {
            "noarch": "python",
            "number": 0,
            "script": "${{ PYTHON }} -m pip install . -vv --no-deps --no-build-isolation",
            "python": {
                "entry_points": [f"{name} = {call}" for name, call in project["scripts"].items()]
            },
        },
        "requirements": {
            "host": [
                "python ${{ python_min }}.*",
                "pip",
                *map(_requirement, pyproject["build-system"]["requires"]),
            ],
            "run": ["python >=${{ python_min }}", *map(_requirement, project["dependencies"])],
            "run_constraints": sorted({_requirement(line) for group in extras for line in group}),
        },
        "tests": [
            {
                "python": {
                    "imports": ["opp_analytics"],
                    "pip_check": True,
                    "python_version": ["${{ python_min }}.*", "*"],
                }
            },
            {"script": ["opp-analytics --version"]},
        ],
        "about": {
            "summary": project["description"].removesuffix("."),
            "license": project["license"],
            "license_file": project["license-files"],
        },
    }


if __name__ == "__main__":
    print(
        yaml.safe_dump(recipe(Path(sys.argv[1]), sys.argv[2]), sort_keys=False, width=200), end=""
    )
