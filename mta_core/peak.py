"""Peak memory: what a piece of work needs on top of what was there before.

On a GPU its allocator says so. On a CPU the operating system does, of a process that does nothing else: Linux keeps
the largest resident set of a process and starts anew when told to. There every large tensor is given back when it is
freed, so that one piece of work does not live in what another left.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mta_core import bench, devices, weights
from mta_core.contenders import Contender, Setup, contenders
from mta_core.devices import Device

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"
GIVEN_BACK = "65536"
"""Bytes from which glibc asks the system for every piece of memory, and gives it back."""
BRIEF = 2
"""Steps of an attack in which it holds all that it ever holds."""


def can_measure(device: Device) -> bool:
    return device.torch_device.type == "cuda" or (device.torch_device.type == "cpu" and os.access(RESET, os.W_OK))


def peaks(setup: Setup, device: Device, team: list[Contender]) -> Iterator[tuple[str, int]]:
    """Names of contenders, and the bytes that each needs at most: its weights and what it computes with.

    Raises:
        RuntimeError: the process that measures failed.
    """
    if device.torch_device.type == "cuda":
        yield from ((member.entry.name, _peak(setup, device, member)) for member in team)
    else:
        yield from _peaks_in_a_process_of_its_own(setup)


def _peaks_in_a_process_of_its_own(setup: Setup) -> Iterator[tuple[str, int]]:
    path = os.pathsep.join(filter(None, (str(weights.ROOT), os.environ.get("PYTHONPATH"))))
    more = {"PYTHONPATH": path, "MALLOC_MMAP_THRESHOLD_": GIVEN_BACK, "MTA_RUNS": str(weights.RUNS)}
    given = {"setup": asdict(setup), "threads": torch.get_num_threads()}
    with subprocess.Popen(
        [sys.executable, "-m", "mta_core.peak"], env={**os.environ, **more}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin and process.stdout and process.stderr
        try:
            process.stdin.write(json.dumps(given))
            process.stdin.close()
            for line in process.stdout:
                name, size = json.loads(line)
                yield name, size
            complaint = process.stderr.read()
            if process.wait():
                raise RuntimeError(f"peak memory could not be measured: {weights.brief(RuntimeError(complaint))}")
        finally:
            process.kill()  # whoever asked may want no more


def main() -> None:
    given: dict[str, Any] = json.load(sys.stdin)
    fields: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in given["setup"].items()}
    torch.set_num_threads(given["threads"])
    setup, device = Setup(**fields), devices.pick("cpu")
    for member in contenders(setup, device)[0]:
        print(json.dumps([member.entry.name, _peak(setup, device, member)]), flush=True)


def _peak(setup: Setup, device: Device, member: Contender) -> int:
    pictures = device.put(bench.draw_pictures(setup.batch_size, setup.size, setup.seed))

    def work() -> None:
        for _ in itertools.islice(member.work(pictures, setup.seed), BRIEF):
            pass

    work()  # kernels are compiled, libraries loaded
    return _bytes(member.network) + needed_by(work, device)


def needed_by(work: Callable[[], None], device: Device) -> int:
    """The largest number of bytes that `work` holds beside what was there before it."""
    gc.collect()
    if device.torch_device.type == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        work()
        return torch.cuda.max_memory_allocated() - before
    RESET.write_text(RESET_PEAK)
    before = _resident("VmRSS")
    work()
    return max(0, _resident("VmHWM") - before)


def _resident(key: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{key}:"))
    return 1024 * int(line.split()[1])


def _bytes(network: nn.Module) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())


if __name__ == "__main__":
    main()
