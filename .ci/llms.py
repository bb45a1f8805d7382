"""llms.py SITE: write llms.txt (a line for each page) and llms-full.txt (all of them as Markdown) into a built site."""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parent.parent
_DIRECTIVE = re.compile(r"^::: ([\w.]+)\n(?:    .*\n)*", re.MULTILINE)


def write(site: Path) -> None:
    """Write both files from the pages of the site's navigation, in its order."""
    project = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]
    pages = [(title, name) for entry in project["nav"] for title, name in entry.items()]
    texts = {name: (ROOT / "docs" / name).read_text() for _, name in pages}
    head = f"# {project['site_name']}\n\n> {project['site_description']}\n"
    links = "".join(
        f"- [{title}]({'' if name == 'index.md' else name.removesuffix('.md') + '/'}): {_find_first(texts[name])}\n"
        for title, name in pages
    )
    (site / "llms.txt").write_text(f"{head}\n## Docs\n\n{links}")
    whole = "\n\n".join(_DIRECTIVE.sub(_document, text).strip() for text in texts.values())
    (site / "llms-full.txt").write_text(f"{head}\n{whole}\n")


def _find_first(text: str) -> str:
    """Find the first sentence of a page, without its markup."""
    paragraph = next(part for part in text.split("\n\n")[1:] if part[:1] not in "#|!<")
    words = re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", " ".join(paragraph.removeprefix("- ").split())).replace(
        "**", ""
    )
    return words.split(". ")[0].rstrip(".:") + "."


def _document(directive: re.Match[str]) -> str:
    """Write a public name with its signature, docstring and public methods."""
    module, _, public = directive[1].rpartition(".")
    found = getattr(import_module(module), public)
    parts = [_describe(public, found)]
    for name, member in vars(found).items() if inspect.isclass(found) else ():
        if not name.startswith("_") and inspect.getdoc(member):
            parts.append(_describe(name, getattr(found, name), level="####"))
    return "\n\n".join(parts) + "\n"


def _describe(name: str, found: object, level: str = "###") -> str:
    signature = str(inspect.signature(found)) if callable(found) else ""
    return f"{level} {name}\n\n```python\n{name}{signature}\n```\n\n{inspect.getdoc(found) or ''}"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
