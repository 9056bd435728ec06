"""
The folders' Markdown to a site: `python -m sphinx -W -c interpreter/docs . build/site`.

Pages stay where what they are about is, so the sources begin at the top of the repository.
"""

project = "promo"
extensions = ["myst_parser"]
html_theme = "furo"
root_doc = "interpreter/docs/index"
include_patterns = [
    "README.md",
    "grammar/**.md",
    "interpreter/**.md",
    "specs/*.md",
    "templates/*.md",
    "tests/*.md",
    "tests/bench/*.md",
]
exclude_patterns = ["**/node_modules", "build", ".venv"]
suppress_warnings = ["misc.highlighting_failure"]  # pages show wrong specs, which no lexer takes, and tables
myst_heading_anchors = 3
html_show_copyright = False
html_copy_source = False
