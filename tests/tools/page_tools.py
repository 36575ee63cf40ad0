"""The pages for users, and the code blocks in them."""
import re

from data_tools import ROOT

PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md") if path.name != "index.md")]


def blocks(page):
    """(language, line, text) of the page's fenced blocks; `line` lines come before the text."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield found[1], text.count("\n", 0, found.start(2)), found[2]
