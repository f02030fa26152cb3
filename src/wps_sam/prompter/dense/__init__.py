"""A dense prompter: every cell of the feature map may claim a part, several cells a part."""
