"""Teaching a prompter from cached features and weak labels, on Lightning."""
