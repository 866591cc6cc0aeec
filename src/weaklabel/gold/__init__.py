"""Gold: labels that people gave and that everything else is measured by."""

from weaklabel.gold.table import Gold, load_gold

__all__ = ["Gold", "load_gold"]
