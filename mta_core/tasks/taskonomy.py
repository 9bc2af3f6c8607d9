"""Semantic segmentation into Taskonomy's classes: sixteen of MS COCO, and what is none of them.

They are those of StanfordVL/taskonomy, taskbank/assets/web_assets/pseudosemantics/coco_selected_classes.txt, in its
order.

In the released label pictures (`segment_semantic`, see data/README.md there) 0 marks pixels that are uncertain, which
must not count, 1 the background, and 2 to 17 the objects: a class here is that number less 1, uncertain pixels are
unlabelled. They were made by a network, not by people. The study answers these 17 classes too (columbia/MTRobust,
dataloaders/new/configs/segmentsemantic).
"""

from __future__ import annotations

import torch

from mta_core.label_spaces import TASKONOMY as CLASSES
from mta_core.tasks.colours import INVALID, rgb
from mta_core.tasks.segmentation import Segmentation

PALETTE = (
    "#c9ced4", "#000033", "#ff9999", "#99ccff", "#006666", "#333366", "#990033", "#ffffcc", "#000000", "#cc6666",
    "#cc3300", "#ff6633", "#3399cc", "#3333cc", "#ffff00", "#ff3399", "#003300",
)  # fmt: skip


class TaskonomySegmentation(Segmentation):
    """Prediction: logits (B, 17, H, W). Target: class indices (B, H, W) int64, 255 = unlabelled."""

    channels = len(CLASSES)
    space = "taskonomy"
    goals = CLASSES
    classes = CLASSES
    palette = PALETTE
    tones = torch.cat([rgb(PALETTE), torch.full((1, 3), INVALID)])
