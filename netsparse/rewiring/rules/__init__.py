"""The rules of the literature and ours, a file per family; `netsparse.rewiring.RULES` names them."""
