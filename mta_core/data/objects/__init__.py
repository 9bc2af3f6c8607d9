"""Procedural pictures of single objects in three domains, in the manner of Office-31.

The way through the package: `kinds` lists the classes, each built in the file of its noun from `shapes` and
`palette`; `studio` and `workplace` set an object up, `framing` aims the camera, `setting` renders with the rooms'
shader, `studio` and `cameras` develop the picture, and `picture` ties these together.
"""

from mta_core.data.objects.kinds import CLASS_NAMES
from mta_core.data.objects.picture import DOMAINS, ObjectPicture, render_object

__all__ = ["CLASS_NAMES", "DOMAINS", "ObjectPicture", "render_object"]
