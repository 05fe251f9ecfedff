"""How long content stays, what must stay, what must go, how much there may be."""
