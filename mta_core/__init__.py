"""Multi-task adversarial attacks: budgets, tasks, victims, generators, attacks, data, training and evaluation."""

import os

__version__ = "0.1.0"
PROGRAM = "python -m mta_core"

# Read by PyTorch when it first takes memory on a CPU. With huge pages the passes of a victim over large feature maps,
# which are new memory each, take an eighth less time.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
