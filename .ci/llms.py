"""llms.py SITE SETTINGS: write llms.txt and llms-full.txt into a built site.

llms.txt has a line for each page; llms-full.txt holds all pages as Markdown.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
_DIRECTIVE = re.compile(r"^::: ([\w.]+)\n((?:    .*\n)*)", re.MULTILINE)
_DARK = re.compile(r"^!\[.*#gh-dark-mode-only\)\n", re.MULTILINE)


def write(site: Path, settings: Path) -> None:
    """Write both files from the pages of the site's navigation, in its order."""
    project = tomllib.loads(settings.read_text())["project"]
    head = f"# {project['site_name']}\n\n> {project['site_description']}\n"
    lists, texts = "", []
    for section in project["nav"]:
        for heading, entries in section.items():
            lists += f"\n## {heading}\n\n"
            for title, name in (item for entry in entries for item in entry.items()):
                _, front, text = (ROOT / "docs" / name).read_text().split("---\n", 2)
                link = "" if name == "index.md" else f"{name.removesuffix('.md')}/"
                lists += (
                    f"- [{title}]({project.get('site_url', '')}{link}): "
                    f"{yaml.safe_load(front)['description']}\n"
                )
                texts.append(_DIRECTIVE.sub(_document, _DARK.sub("", text)).strip())
    (site / "llms.txt").write_text(head + lists)
    (site / "llms-full.txt").write_text(f"{head}\n" + "\n\n".join(texts) + "\n")


def _document(directive: re.Match[str]) -> str:
    """Write public names, or a module, with signatures, docstrings and public methods."""
    names = re.search(r"members: \[([^]]+)", directive[2])
    if not names:
        found = pkgutil.resolve_name(directive[1])
        return _describe(directive[1].rpartition(".")[2], found) + "\n"
    parts = []
    for public in names[1].split(", "):
        found = getattr(import_module(directive[1]), public)
        parts.append(_describe(public, found))
        for name, member in vars(found).items() if inspect.isclass(found) else ():
            if not name.startswith("_") and inspect.getdoc(member):
                parts.append(_describe(name, getattr(found, name), level="####"))
    return "\n\n".join(parts) + "\n"


def _describe(name: str, found: object, level: str = "###") -> str:
    signature = str(inspect.signature(found)) if callable(found) else ""
    return f"{level} {name}\n\n```python\n{name}{signature}\n```\n\n{inspect.getdoc(found) or ''}"


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
