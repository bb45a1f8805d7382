"""The types of columns and of arrays, each under one name."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Series: TypeAlias = "pd.Series[Any]"
"""A column of a frame, of any dtype."""
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int8]
"""Outcomes, by their place in `org.OUTCOMES`."""
Counts = NDArray[np.int64]
Places = NDArray[np.intp]
"""Positions in another array."""
Integers = NDArray[Any]
"""Whole numbers of any size."""
