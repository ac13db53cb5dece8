"""From a diagnosis to a plan: what would be done, why it is safe, and what is left alone.

This first cut suggests; nothing here acts on anything.
"""

from remedies.remedy import Catalogue, Remedy, load_catalogue
from remedies.suggest import suggest

__all__ = ["Catalogue", "Remedy", "load_catalogue", "suggest"]
