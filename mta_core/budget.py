"""The budget of an attack: how far an adversarial picture may lie from the clean one.

Epsilon is on the [0, 1] pixel scale everywhere in the code. People read and type an L-infinity epsilon in 1/255 and an
L2 epsilon as the plain norm of the whole perturbation, never divided by 255: `Budget.from_units` and `Budget.units`
are the two ends of that convention.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

MIN_L2, MAX_L2 = 1e-9, 1e6
"""Far beyond what can be told apart from nothing, and from any other picture; further out float32 fails."""
LINF_TOLERANCE = 1e-6
"""What float32 may add to an L-infinity distance, absolute, on the [0, 1] pixel scale (0.0003 of a grey level)."""

L2_TOLERANCE = 1e-6
"""What float32 may add to an L2 distance, relative to epsilon."""

_BISECTIONS = 16  # halvings of [0, 1]: the factor to 1 in 65,536, far below what a rounding step changes
_SHRINKINGS = 8  # one or two are enough unless epsilon is close to the resolution of float32


class Norm(StrEnum):
    """The norms a perturbation is measured in, taken over all channels and pixels of one picture."""

    LINF = "linf"
    L2 = "l2"

    @classmethod
    def _missing_(cls, value: object) -> Norm:
        for norm in cls:
            if isinstance(value, str) and value.strip().lower() == norm.value:
                return norm
        raise ValueError(f"expected a norm among {', '.join(cls)}, got {value!r}")

    @property
    def label(self) -> str:
        """The norm's name for people."""
        return {Norm.LINF: "L-inf", Norm.L2: "L2"}[self]


@dataclass(frozen=True)
class Budget:
    """A ball around the clean picture: a norm and a radius.

    All methods take batches, (B, 3, H, W) or any other shape whose first dimension counts pictures, and treat each
    picture by itself.

    Args:
        norm: `Norm` or its name.
        epsilon: the radius. L-infinity: on the [0, 1] pixel scale, in (0, 1]. L2: the norm of the whole perturbation
            with pixels in [0, 1], above 0.

    Raises:
        ValueError: an unknown norm, or an epsilon outside its range.
    """

    norm: Norm
    epsilon: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "norm", Norm(self.norm))
        object.__setattr__(self, "epsilon", _checked_epsilon(self.norm, self.epsilon))

    @classmethod
    def from_units(cls, norm: Norm | str, value: float) -> Budget:
        """The budget as people type it: an L-infinity radius in 1/255, an L2 radius as it is.

        Raises:
            ValueError: an unknown norm, or a value outside (0, 255] (L-infinity) or not above 0 (L2).
        """
        norm = Norm(norm)
        value = _number(value)
        if norm is Norm.L2:
            return cls(norm, value)
        if not 0 < value <= 255:
            raise ValueError(f"expected epsilon in (0, 255], in units of 1/255 of the pixel scale, got {value:g}")
        return cls(norm, value / 255)

    @property
    def units(self) -> float:
        """Epsilon as people type it; the inverse of `from_units`."""
        value = self.epsilon * 255 if self.norm is Norm.LINF else self.epsilon
        return float(f"{value:.12g}")  # 8 / 255 * 255 must read 8, not 8.000000000000002

    @property
    def epsilon_unit(self) -> str:
        """The unit of `units`: `1/255` or `l2`."""
        return "1/255" if self.norm is Norm.LINF else "l2"

    @property
    def label(self) -> str:
        """Epsilon for people: `5/255 (L-inf)` or `4 (L2)`."""
        return self.said(f"{self.units:g}")

    def said(self, units: str) -> str:
        """A size in `units`, for people: `5/255 (L-inf)`."""
        return f"{units}{'/255' if self.norm is Norm.LINF else ''} ({self.norm.label})"

    def norm_of(self, perturbation: Tensor) -> Tensor:
        """The norm of each picture's perturbation, (B,), in float32 at least. Differentiable, with gradient 0 at 0."""
        dtype = torch.promote_types(perturbation.dtype, torch.float32)
        return _norm(self.norm, perturbation).to(dtype)

    def scale(self, direction: Tensor) -> Tensor:
        """The papers' map Pi: `direction * min(1, epsilon / ||direction||_p)` for each picture.

        MTA section 3.1 (and the footnote of 3.2). The whole perturbation is scaled once, so its direction is kept;
        neither the sign nor a clamp is taken, and a direction already inside is left alone. Differentiable
        everywhere: at zero and on the boundary the gradient is finite. The norm of the result exceeds epsilon by
        rounding only (some 1e-7 of it).

        Args:
            direction: (B, 3, H, W), any range.

        Returns:
            (B, 3, H, W), in the ball.
        """
        # epsilon / max(norm, epsilon) is min(1, epsilon / norm) without a division by zero, forwards or backwards. In
        # double precision it rounds to exactly 1 inside the ball; in float32 it might not.
        factor = self.epsilon / _norm(self.norm, direction).clamp(min=self.epsilon)
        return direction * _per_picture(factor.to(direction.dtype), direction)

    def project(self, perturbation: Tensor) -> Tensor:
        """The nearest point of the ball for each picture: a clamp for L-infinity, radial for L2.

        Args:
            perturbation: (B, 3, H, W), any range.

        Returns:
            (B, 3, H, W), in the ball.
        """
        if self.norm is Norm.LINF:
            return perturbation.clamp(-self.epsilon, self.epsilon)
        return self.scale(perturbation)

    def project_adversarial(self, adversarial: Tensor, clean: Tensor) -> Tensor:
        """The adversarial pictures brought inside the ball of the clean ones and into [0, 1].

        `adversarial - clean`, measured in float32 on the result, exceeds epsilon by no more than `LINF_TOLERANCE`
        (absolute) or `L2_TOLERANCE` (relative). For L-infinity the result is the nearest such picture. For L2 the
        picture is first clipped to [0, 1] and then pulled towards the clean one, which keeps it in [0, 1] and
        spends none of the budget on what the clipping would remove; that is near, not exactly nearest.

        Args:
            adversarial: (B, 3, H, W), any range.
            clean: (B, 3, H, W) in [0, 1].
        """
        if self.norm is Norm.LINF:
            low, high = (clean - self.epsilon).clamp(min=0), (clean + self.epsilon).clamp(max=1)
            return torch.minimum(torch.maximum(adversarial, low), high)
        # Adding the perturbation to the picture rounds each pixel; over many pixels and a small epsilon that adds
        # up, so what counts is measured on the sum and taken back.
        perturbation = self.project(adversarial.clamp(0, 1) - clean)
        for _ in range(_SHRINKINGS):
            result = (clean + perturbation).clamp(0, 1)
            length = _norm(self.norm, result - clean)
            outside = length > self.epsilon * (1 + L2_TOLERANCE / 2)
            if not outside.any():
                return result
            factor = torch.where(outside, self.epsilon / length, 1.0)
            perturbation = perturbation * _per_picture(factor.to(perturbation.dtype), perturbation)
        # Epsilon is below what float32 can add to this picture: only the clean picture is surely inside.
        result = (clean + perturbation).clamp(0, 1)
        inside = _norm(self.norm, result - clean) <= self.epsilon * (1 + L2_TOLERANCE / 2)
        return torch.where(_per_picture(inside, clean), result, clean)

    def random_start(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        """A perturbation drawn uniformly from the ball, then clipped so that `clean + perturbation` is in [0, 1].

        L-infinity: every value uniform in [-epsilon, epsilon]. L2: uniform in the volume of the ball, a Gaussian
        direction at radius `epsilon * u**(1/d)`, where d counts the values of a picture.

        Args:
            clean: (B, 3, H, W) in [0, 1], on any device.
            generator: where it lives is where the numbers are drawn; one on the CPU gives the CPU and the GPU the
                same start.
        """
        device = generator.device
        if self.norm is Norm.LINF:
            noise = torch.rand(clean.shape, generator=generator, device=device)
            perturbation = (2 * noise - 1) * self.epsilon
        else:
            noise = torch.randn(clean.shape, generator=generator, device=device)
            fraction = torch.rand(len(clean), generator=generator, device=device, dtype=torch.float64)
            radius = self.epsilon * fraction ** (1 / max(1, clean[:1].numel()))
            perturbation = _unit(noise) * _per_picture(radius.to(noise.dtype), noise)
        perturbation = perturbation.to(device=clean.device, dtype=clean.dtype)
        return self.project_adversarial(clean + perturbation, clean) - clean

    def step(self, gradient: Tensor, step_size: float | Tensor) -> Tensor:
        """The steepest ascent step of this norm: the sign for L-infinity, the normalised gradient for L2.

        Args:
            gradient: (B, 3, H, W). A picture whose gradient is zero gets a step of zero.
            step_size: the norm of the step, on the scale of epsilon; a number, or (B, 1, 1, 1).
        """
        return step_size * (gradient.sign() if self.norm is Norm.LINF else _unit(gradient))

    def round_to_8_bits(self, adversarial: Tensor, clean: Tensor) -> Tensor:
        """The adversarial pictures on the 8-bit grid, so that saving them as PNG changes nothing, inside the ball.

        L-infinity: each value is rounded to the nearest multiple of 1/255 inside the ball of its clean value, which
        is towards the clean value wherever plain rounding would leave. L2: where plain rounding leaves the ball, the
        perturbation is shrunk as little as its rounding allows (to 1 in 65,536).

        A clean picture that is not on the grid itself may have no grid point in its ball (L-infinity: epsilon under
        the distance of a clean value to the grid; L2: epsilon under the length of the clean picture's own rounding).
        Then the value (L-infinity) or the picture (L2) becomes the rounded clean one, the nearest there is, and
        `contains` says that it lies outside.

        Args:
            adversarial: (B, 3, H, W), inside the ball.
            clean: (B, 3, H, W) in [0, 1], on the 8-bit grid or not.

        Returns:
            (B, 3, H, W), multiples of 1/255 in [0, 1].
        """
        # Double precision: grey levels of float32 pictures are off by up to 1e-5, and floor and ceil would notice.
        target, origin = adversarial.double() * 255, clean.double() * 255
        levels = self._levels_linf(target, origin) if self.norm is Norm.LINF else self._levels_l2(target, origin)
        return levels.to(adversarial.dtype) / 255

    def contains(self, adversarial: Tensor, clean: Tensor, tolerance: float | None = None) -> Tensor:
        """Whether each adversarial picture lies in the ball of its clean one and in [0, 1], (B,) bool.

        Args:
            adversarial: (B, 3, H, W). A picture with NaN is outside.
            clean: (B, 3, H, W) in [0, 1].
            tolerance: how far beyond epsilon still counts: absolute for L-infinity, relative for L2. By default what
                `project_adversarial` promises.
        """
        if self.norm is Norm.LINF:
            limit = self.epsilon + (LINF_TOLERANCE if tolerance is None else tolerance)
        else:
            limit = self.epsilon * (1 + (L2_TOLERANCE if tolerance is None else tolerance))
        values = adversarial.flatten(1)
        in_range = ((values >= 0) & (values <= 1)).all(dim=1)
        return in_range & (_norm(self.norm, adversarial - clean) <= limit)

    def _levels_linf(self, target: Tensor, origin: Tensor) -> Tensor:
        """Grey levels (0 to 255, whole) nearest to `target` within epsilon of `origin`."""
        slack = LINF_TOLERANCE * 255 / 2  # grey levels; without it 5/255 around a float32 k/255 could lose level k + 5
        low = (origin - self.epsilon * 255 - slack).ceil().clamp(min=0)
        high = (origin + self.epsilon * 255 + slack).floor().clamp(max=255)
        rounded = torch.minimum(torch.maximum(target.round(), low), high)
        return torch.where(low <= high, rounded, origin.round().clamp(0, 255))

    def _levels_l2(self, target: Tensor, origin: Tensor) -> Tensor:
        """Grey levels (0 to 255, whole) near `target` whose L2 distance to `origin` is at most epsilon."""
        limit = self.epsilon * 255 * (1 + L2_TOLERANCE / 2)

        def rounded(shrink: Tensor) -> Tensor:
            return (origin + _per_picture(shrink, origin) * (target - origin)).round().clamp(0, 255)

        def inside(levels: Tensor) -> Tensor:
            return _norm(self.norm, levels - origin) <= limit

        # Every value moves away from the clean one as the factor grows, so the length is monotone and bisection finds
        # the largest factor that is inside. A factor of 0 is the rounded clean picture.
        low = torch.zeros(len(target), dtype=target.dtype, device=target.device)
        high = torch.ones_like(low)
        low = torch.where(inside(rounded(high)), high, low)
        for _ in range(_BISECTIONS if (low < high).any() else 0):
            middle = (low + high) / 2
            fits = inside(rounded(middle))
            low, high = torch.where(fits, middle, low), torch.where(fits, high, middle)
        return rounded(low)


def _number(value: float) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"expected epsilon to be a number, got {value!r}") from None


def _checked_epsilon(norm: Norm, epsilon: float) -> float:
    epsilon = _number(epsilon)
    if norm is Norm.LINF and not 0 < epsilon <= 1:
        hint = f" (did you mean {epsilon:g}/255?)" if 1 < epsilon <= 255 else ""
        raise ValueError(f"expected epsilon in (0, 1] on the pixel scale, got {epsilon:g}{hint}")
    if norm is Norm.L2 and not MIN_L2 <= epsilon <= MAX_L2:
        raise ValueError(f"expected an L2 epsilon in [{MIN_L2:g}, {MAX_L2:g}], got {epsilon:g}")
    return epsilon


def _norm(norm: Norm, perturbation: Tensor) -> Tensor:
    """(B,) in double precision. Summed in float32, the L2 norm of a picture's 300,000 values would err by more than
    1e-6, and the squares of large or tiny values would leave its range."""
    values = perturbation.flatten(1)
    length: Tensor
    if norm is Norm.LINF:
        length = values.abs().amax(dim=1).to(_wide(values))
    else:
        length = torch.linalg.vector_norm(values, dim=1, dtype=_wide(values))
    return length


def _wide(values: Tensor) -> torch.dtype:
    """Double precision, but on Apple's GPUs, which have none."""
    return torch.float32 if values.device.type == "mps" else torch.float64


def _unit(direction: Tensor) -> Tensor:
    """Each picture divided by its L2 norm; zero stays zero."""
    length = _norm(Norm.L2, direction)
    # Divided in double precision: the inverse of a tiny norm is beyond float32.
    wide = _wide(direction)
    unit = direction.to(wide) / _per_picture(length.clamp(min=torch.finfo(wide).tiny), direction)
    return unit.to(direction.dtype)


def _per_picture(values: Tensor, pictures: Tensor) -> Tensor:
    """(B,) -> (B, 1, 1, ...), to broadcast over the pictures."""
    return values.reshape(-1, *[1] * (pictures.ndim - 1))
