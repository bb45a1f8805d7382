"""The blocks of the page, one module each: the report's tables in, a block out.

Each module also makes its block's empty state.
"""
