from typing import Any

import numpy as np
import numpy.typing as npt

from mmsd.fast.charging_py import Forms, Types

def read_records(data: bytes, records: npt.NDArray[np.int64], forms: Forms, types: Types) -> list[Any]: ...
