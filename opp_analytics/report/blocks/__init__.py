"""The blocks of the page, one module each: the report's tables in, a block out, its empty state included."""
