"""Odd input for every reader: what comes out is a result, or an error of ours."""
