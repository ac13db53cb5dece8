"""Random faults on the real lab, one after another, and what kgraph made of each."""
