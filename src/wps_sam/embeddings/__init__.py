"""Image features, computed once by the frozen encoder and kept on disk."""
