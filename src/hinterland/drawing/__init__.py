"""Pictures and how numbers are written: axes, scales, labels, SVG, page templates.

It knows no run and no load.
"""
