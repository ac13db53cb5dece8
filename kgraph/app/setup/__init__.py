"""What is written once, for kgraph and for what it talks to."""
