"""Golden tables: every figure of the forecasts and the weekly page, on histories of many kinds.

``python -m tests.golden`` prints what differs from the stored files and exits 1 if anything does;
words after it limit it to tables or histories of these names; ``--write`` stores what it finds.
"""
