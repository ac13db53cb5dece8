"""How good the answers are: on labelled incidents, in campaigns, and chances fitted to both."""
