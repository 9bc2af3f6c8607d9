"""The thirteen classes of NYUv2, in the order of the segmentation maps."""

from enum import IntEnum

UNLABELLED = 255


class Label(IntEnum):
    """Class index as stored in `Room.segmentation`."""

    BED = 0
    BOOKS = 1
    CEILING = 2
    CHAIR = 3
    FLOOR = 4
    FURNITURE = 5
    OBJECTS = 6
    PICTURE = 7
    SOFA = 8
    TABLE = 9
    TV = 10
    WALL = 11
    WINDOW = 12


CLASS_NAMES: tuple[str, ...] = tuple(label.name.lower() for label in Label)
