"""Labels that follow from a picture, its depth, its normals and its camera: pure functions of one picture's tensors.

Images are (3, H, W) in [0, 1], depth (1, H, W) metres along the optical axis with 0 where there is none, normals
(3, H, W) unit vectors (X right, Y up, Z to the camera) with 0 where there is none, `focal` the focal length in pixels
with the principal point in the middle. Every label is float32 on the same grid: distances in metres (0: none), all
others in [-1, 1] (NaN: none).

The definitions are those by which Taskonomy (Zamir et al., CVPR 2018) made its labels, where its tools or files tell
them (the annotator of Omnidata, EPFL-VILAB/omnidata), brought to [-1, 1] as its networks were trained (StanfordVL/
taskonomy; the robustness study took that over, columbia/MTRobust). Its files are 512 pixels high: filters are scaled
with the height, so that a picture has the same labels at every size.

| label | how | from |
| --- | --- | --- |
| euclidean_depth | exact | depth, camera |
| reshading | exact, of a lamp at the camera that does not fade with distance (Taskonomy's does) | normals, camera |
| autoencoding | exact: 2 * image - 1 | image |
| edge_texture | as Taskonomy: Gaussian of 3 pixels, Sobel | image |
| edge_occlusion | as Taskonomy: Sobel of the root of depth, blurred | depth |
| keypoints2d | as Taskonomy: SURF's determinant of the Hessian over ten scales, with boxes that have a centre | image |
| keypoints3d | a corner measure of the normals within the support of 0.2 m, in place of NARF | normals, depth |
| curvature | shape operator over 5 x 5 pixels, in units of 1 / 0.03 m, as Taskonomy | depth, normals, camera |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mta_core.data.filters import STEPS, around, blurred, box_sums, gradient, slopes
from mta_core.vectors import length

SPACES = {
    "euclidean_depth": "metres", "keypoints2d": "signed", "keypoints3d": "signed", "edge_texture": "signed",
    "edge_occlusion": "signed", "curvature": "curvatures", "reshading": "signed", "autoencoding": "picture",
}  # fmt: skip
"""Label space of every task that is derived here."""
HEIGHT = 512
"""Pixels of Taskonomy's files, whose sizes the filters below are given in."""
UNITS = 512
"""Of Taskonomy's 16-bit depth, a metre."""
EDGE_TEXTURE, EDGE_OCCLUSION, KEYPOINTS_2D = 0.08, 0.00625, 0.005
"""What becomes 1, on the scale on which 65535 in a file is 1 (`configs/*/config.py` of both code bases)."""
BLUR = 4 / 256
"""Of edges of occlusion, in heights of the picture: 4 pixels of the 256 that networks see."""
SMALLEST_RADIUS = 0.03
"""Metres: a curvature of 1 / 0.03 m becomes 1, and so does what is bent more sharply."""
SUPPORT = 0.2
"""Metres across of the neighbourhood of a 3-D key point, as in the released settings of NARF."""
SCALES = tuple(1 + 29 / 9 * step for step in range(10))
"""Standard deviations of the blobs that 2-D key points are, in pixels of a picture 512 high."""
GRAZING = 0.05
"""Cosine to the line of sight below which a surface is too oblique for a curvature."""


def scaled(values: Tensor, top: float) -> Tensor:
    """[0, top] to [-1, 1]; what is outside is cut off."""
    return (values * (2 / top) - 1).clamp(-1, 1)


def autoencoding(image: Tensor) -> Tensor:
    """The picture itself, (3, H, W) in [-1, 1]."""
    return image * 2 - 1


def edge_texture(image: Tensor) -> Tensor:
    """How strong an edge of the picture is, (1, H, W) in [-1, 1]: the gradient of its smoothed luma."""
    height = image.shape[-2]
    return scaled(gradient(blurred(_luma(image), 3 * height / HEIGHT)) * (height / HEIGHT), EDGE_TEXTURE)


def keypoints2d(image: Tensor) -> Tensor:
    """How much a point of the picture stands out, (1, H, W) in [-1, 1]: the largest determinant of the Hessian.

    Bay et al.: "SURF" (ECCV 2006), section 3: second derivatives by boxes of l x (2 l - 1) pixels, cross derivatives
    by four squares of l pixels, weighted 0.9. Here l is odd at every scale and boxes are centred, so that a mirrored
    picture has mirrored labels (Taskonomy's lie a pixel too far up and left).
    """
    luma = _luma(image)
    sizes = {max(1, 2 * round((sigma * image.shape[-2] / HEIGHT - 1) / 2) + 1) for sigma in SCALES}
    sums = box_sums(luma[0], 3 * max(sizes) // 2 + 1)
    best = _hessian(sums, 1)
    for size in sizes - {1}:
        torch.maximum(best, _hessian(sums, size), out=best)
    return scaled(best[None], KEYPOINTS_2D)


def _hessian(sums: Callable[[int, int, int, int], Tensor], size: int) -> Tensor:
    """The determinant of the Hessian with lobes of `size` pixels, (H, W), normalised by the area of the filter."""
    long, middle, width = 3 * size // 2, size // 2, size - 1
    xx = sums(-width, width, -long, long).sub_(sums(-width, width, -middle, middle), alpha=3)
    yy = sums(-long, long, -width, width).sub_(sums(-middle, middle, -width, width), alpha=3)
    xy = sums(-size, -1, -size, -1).add_(sums(1, size, 1, size))
    xy.sub_(sums(-size, -1, 1, size)).sub_(sums(1, size, -size, -1))
    share = 1 / (STEPS * (3 * size) ** 2)
    return (xx.float() * share).mul_(yy.float() * share).sub_((xy.float() * (0.9 * share)).square_())


def euclidean_depth(depth: Tensor, focal: float) -> Tensor:
    """Distance along the line of sight, (1, H, W) metres; 0 where there is none."""
    return depth * length(rays(depth, focal), dim=0)


def reshading(depth: Tensor, normals: Tensor, focal: float) -> Tensor:
    """How bright a white surface is in the light of a lamp at the camera, (1, H, W): 2 * cosine - 1, NaN where there is
    no geometry. Taskonomy's lamp fades with distance besides (half at 8 m), by a law that its release does not tell."""
    ray = rays(depth, focal)
    cosine = -_dot(normals, ray) * _dot(ray, ray).rsqrt()
    return _masked(2 * cosine.clamp(0, 1) - 1, has_geometry(depth, normals))


def edge_occlusion(depth: Tensor) -> Tensor:
    """How strong an edge of depth is, (1, H, W) in [-1, 1], NaN where there is no depth."""
    known = depth > 0
    height = depth.shape[-2]
    root = (depth.clamp(min=0) * UNITS).sqrt() / 256
    edges = gradient(root) * (height / HEIGHT) * (around(~known, 1) == 0)
    return occlusion_label(edges, known)


def occlusion_label(edges: Tensor, known: Tensor) -> Tensor:
    """The label from the strength of edges (1, H, W), on the scale on which 65535 in a file is 1."""
    return _masked(scaled(blurred(edges, BLUR * edges.shape[-2]), EDGE_OCCLUSION), known)


def keypoints3d(depth: Tensor, normals: Tensor, focal: float) -> Tensor:
    """How much a surface turns every way around a point, (1, H, W) in [-1, 1], NaN where there is no geometry.

    det(M) of the mean M of n n^T over a square of `SUPPORT` metres at the point's distance, as in the detectors of
    Harris and Noble, of normals in place of gradients (Glomb: "Detection of interest points on 3D data", 2009): M has
    rank 1 on a plane, 2 along an edge or on a cylinder, and 3 in a corner, where three equal faces give det 1 / 27. The
    label is the root of its share of that, about as dense as Taskonomy's own NARF, which no formula gives.
    """
    known = has_geometry(depth, normals)
    height, width = depth.shape[-2:]
    x, y, z = (normals * known).unbind(0)
    products = torch.stack([x * x, y * y, z * z, x * y, x * z, y * z, known[0].float(), known[0].float()], -1)
    sums = F.pad(products.double(), (0, 0, 1, 0, 1, 0)).cumsum(0).cumsum(1).flatten(0, 1)
    half = (SUPPORT / 2 * focal / depth[0].clamp(min=0.1)).clamp(1, height / 4).round().long()
    row, column = torch.arange(height)[:, None], torch.arange(width)[None]
    top, bottom = (row - half).clamp(min=0) * (width + 1), (row + half + 1).clamp(max=height) * (width + 1)
    left, right = (column - half).clamp(min=0), (column + half + 1).clamp(max=width)
    inside = sums[(bottom + right).flatten()] - sums[(top + right).flatten()]
    inside -= sums[(bottom + left).flatten()]
    inside += sums[(top + left).flatten()]
    xx, yy, zz, xy, xz, yz, count, _ = inside.t().contiguous().unbind(0)
    determinant = xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
    share = (27 * determinant / count.clamp(min=1) ** 3).clamp(0, 1).float().view(1, height, width)
    return _masked(2 * share.sqrt() - 1, known)


def curvature(depth: Tensor, normals: Tensor, focal: float) -> Tensor:
    """Both principal curvatures times 0.03 m, the larger first, (2, H, W) in [-1, 1]; positive where a surface bulges
    towards the viewer. NaN where there is no geometry, within two pixels of a jump of depth, and on surfaces seen
    edge-on.

    Eigenvalues of the shape operator (do Carmo: "Differential Geometry of Curves and Surfaces", section 3.3).
    Derivatives of normals are fitted over 5 x 5 pixels, so that their rounding to 8 bits averages out; those of points
    follow from depth and normal, without differences of the rounded depth.
    """
    known = has_geometry(depth, normals)
    point_u, point_v, cosine = _tangents(depth, normals, focal)
    normal_u, normal_v = slopes(normals)
    e, f, g = _dot(point_u, point_u), _dot(point_u, point_v), _dot(point_v, point_v)
    uu, vv = _dot(point_u, normal_u), _dot(point_v, normal_v)
    uv = (_dot(point_u, normal_v) + _dot(point_v, normal_u)) / 2
    area = (e * g - f * f).clamp(min=1e-12)
    mean, gauss = (uu * g - 2 * uv * f + vv * e) / (2 * area), (uu * vv - uv * uv) / area
    spread = (mean.square() - gauss).clamp(min=0).sqrt()
    both = torch.cat([mean + spread, mean - spread]) * SMALLEST_RADIUS
    sound = (around(jumps(depth, normals, focal) | ~known, 2) == 0) & (cosine > GRAZING)
    return _masked(both.clamp(-1, 1), sound)


def jumps(depth: Tensor, normals: Tensor, focal: float) -> Tensor:
    """Where one surface ends before another, (1, H, W) bool: a pixel beside it, or below, is on neither's plane."""
    point_u, point_v, _ = _tangents(depth, normals, focal)
    jump = torch.zeros_like(depth, dtype=torch.bool)
    for dim, slope in ((2, -point_u[2:]), (1, -point_v[2:])):  # depth is -Z
        here, there = (narrow(depth, dim) for narrow in (_but_last, _but_first))
        step = there - here
        off = torch.minimum((step - _but_last(slope, dim)).abs(), (step - _but_first(slope, dim)).abs())
        found = off > 0.02 + 0.01 * torch.minimum(here, there)
        _but_last(jump, dim).logical_or_(found)
        _but_first(jump, dim).logical_or_(found)
    return jump


def _tangents(depth: Tensor, normals: Tensor, focal: float) -> tuple[Tensor, Tensor, Tensor]:
    """What a step of one pixel to the right and down is on the surface, (3, H, W) metres each, and the cosine (1, H, W)
    between the surface and the line of sight: where rays through the neighbours meet the plane of the pixel."""
    ray = rays(depth, focal)
    facing = _dot(normals, ray).clamp(max=-1e-3)
    steps = []
    for axis, step in ((0, 1 / focal), (1, -1 / focal)):
        slope = -depth * step * normals[axis : axis + 1] / facing
        tangent = slope * ray
        tangent[axis] += depth[0] * step
        steps.append(tangent)
    return steps[0], steps[1], -facing / length(ray, dim=0)


def rays(depth: Tensor, focal: float) -> Tensor:
    """(3, H, W) directions through the middles of pixels, one long along the optical axis."""
    height, width = depth.shape[-2:]
    y = (height / 2 - 0.5 - torch.arange(height)) / focal
    x = (torch.arange(width) + 0.5 - width / 2) / focal
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width), torch.full((height, width), -1.0)])


def has_geometry(depth: Tensor, normals: Tensor) -> Tensor:
    """(1, H, W) bool."""
    return (depth > 0) & (_dot(normals, normals) > 0.25)


DERIVATIONS: dict[str, Callable[[Tensor, Tensor, Tensor, float], Tensor]] = {
    "euclidean_depth": lambda image, depth, normals, focal: euclidean_depth(depth, focal),
    "keypoints2d": lambda image, depth, normals, focal: keypoints2d(image),
    "keypoints3d": lambda image, depth, normals, focal: keypoints3d(depth, normals, focal),
    "edge_texture": lambda image, depth, normals, focal: edge_texture(image),
    "edge_occlusion": lambda image, depth, normals, focal: edge_occlusion(depth),
    "curvature": lambda image, depth, normals, focal: curvature(depth, normals, focal),
    "reshading": lambda image, depth, normals, focal: reshading(depth, normals, focal),
    "autoencoding": lambda image, depth, normals, focal: autoencoding(image),
}
"""Each label from the picture, its depth, its normals and the focal length."""


WITH_CAMERA = frozenset({"euclidean_depth", "keypoints3d", "curvature", "reshading"})
"""Those that need the focal length."""


def derive(names: Sequence[str], image: Tensor, depth: Tensor, normals: Tensor, focal: float) -> dict[str, Tensor]:
    """The labels of the tasks of `names` that are derived; nothing is computed for others."""
    return {name: DERIVATIONS[name](image, depth, normals, focal) for name in names if name in DERIVATIONS}


def field_to_focal(field_of_view: float, width: int) -> float:
    """Focal length in pixels of a camera that sees so many radians across."""
    return width / 2 / math.tan(field_of_view / 2)


def _luma(image: Tensor) -> Tensor:
    """(1, H, W) in [0, 1], after ITU-R 601, as Pillow takes it."""
    return (image * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(0, keepdim=True)


def _dot(one: Tensor, other: Tensor) -> Tensor:
    """(1, H, W), of vectors (3, H, W); faster than a sum over the first dimension."""
    return (one[0] * other[0] + one[1] * other[1] + one[2] * other[2])[None]


def _masked(label: Tensor, known: Tensor) -> Tensor:
    return torch.where(known, label, torch.nan)


def _but_last(values: Tensor, dim: int) -> Tensor:
    return values.narrow(dim, 0, values.shape[dim] - 1)


def _but_first(values: Tensor, dim: int) -> Tensor:
    return values.narrow(dim, 1, values.shape[dim] - 1)
