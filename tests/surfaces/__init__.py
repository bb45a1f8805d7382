"""Every number that a person reads, asked again of the function that gives it.

``python -m tests.surfaces [WORLD …]`` reads each surface of each world (page, workbook, mail,
Markdown, commands, explorer, grid, notebook), asks the public functions the same questions, and
prints every figure that differs; ``--faults`` puts known faults back one after the other and prints
what finds each.
"""
