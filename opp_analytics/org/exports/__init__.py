"""Exports of other CRMs: their files, columns, stages, number and date formats, in both directions."""
