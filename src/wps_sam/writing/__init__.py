"""Writing labels and predictions in the formats of other tools."""
