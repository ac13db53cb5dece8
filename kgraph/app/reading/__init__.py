"""From what sources, detectors and checks say to the store: each reading all or nothing."""
