"""The workbook beside the page: its figures as named cells, its tables as Excel tables, one row per deal."""
