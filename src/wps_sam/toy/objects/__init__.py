"""The kinds of object a toy scene can hold."""

from wps_sam.toy.objects.bicycle import BICYCLE
from wps_sam.toy.objects.bird import BIRD
from wps_sam.toy.objects.car import CAR
from wps_sam.toy.objects.fish import FISH
from wps_sam.toy.objects.kind import Brush, ObjectKind
from wps_sam.toy.objects.robot import ROBOT

OBJECT_KINDS: tuple[ObjectKind, ...] = (CAR, BIRD, FISH, BICYCLE, ROBOT)

__all__ = ["OBJECT_KINDS", "Brush", "ObjectKind"]
