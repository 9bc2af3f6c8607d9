"""Tasks of the robustness study that answer every pixel with one number in [-1, 1].

Zamir et al., "Taskonomy" (CVPR 2018), in the scale that the study's code trains in. Key points of surfaces, edges of
occlusion and reshading are unlabelled where there is no geometry; key points and edges of texture come from the picture
alone and are labelled everywhere.
"""

from __future__ import annotations

from mta_core.tasks.numbers import Numbers


class Keypoints2d(Numbers):
    """How much a point of the picture stands out from what is around it: 1 for the most."""

    name, label, letter = "keypoints2d", "2-D key points", "k"
    difference_label = "Change of 2-D key points"


class Keypoints3d(Numbers):
    """How much a point of a surface stands out from what is around it: 1 for the most."""

    name, label, letter = "keypoints3d", "3-D key points", "K"
    difference_label = "Change of 3-D key points"


class EdgeTexture(Numbers):
    """How strong an edge of the picture is: 1 for the strongest."""

    name, label, letter = "edge_texture", "Texture edges", "e"
    difference_label = "Change of texture edges"


class EdgeOcclusion(Numbers):
    """How strong an edge is where one surface hides another: 1 for the strongest."""

    name, label, letter = "edge_occlusion", "Occlusion edges", "E"
    difference_label = "Change of occlusion edges"


class Reshading(Numbers):
    """How bright a surface is in the light of a lamp at the camera: -1 for dark."""

    name, label, letter = "reshading", "Reshading", "r"
    difference_label = "Change of reshading"
