"""A finished or running record told to a person: HTML, terminal, SVG, numbers.

`html.render` and `terminal.render` tell the same story in the same order; `story` holds the words both
use, `charts` and `verdicts` decide what is drawn, `svg` draws it. Nothing here judges or measures.
"""
