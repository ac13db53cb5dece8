"""Which records describe the same thing, and how the keys are spelled that tell."""

from kgraph.identity.keys import PLURAL, canonical
from kgraph.identity.matching import Binding, Claimant, Known, Matched, match, mint_uid

__all__ = [
    "PLURAL",
    "Binding",
    "Claimant",
    "Known",
    "Matched",
    "canonical",
    "match",
    "mint_uid",
]
